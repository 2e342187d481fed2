//! What a person wears, and the colours of skin and hair.

use super::dress::surface;
use super::face::FaceLook;
use crate::draw::Material;
use crate::image::srgb;
use crate::math::{Vec3, vec3};
use crate::random::Random;

/// A person's looks. Colours are linear light.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub face: FaceLook,
    pub nose: f32,
    pub hair: Hair,
    pub hair_colour: Vec3,
    /// 0 flat to 1 full.
    pub volume: f32,
    pub hat: Hat,
    pub hat_cloth: Cloth,
    pub top: Top,
    pub bottom: Bottom,
    pub shoe: Vec3,
    pub sole: Vec3,
    pub footwear: Footwear,
    /// How far socks reach up the shank, as a share of it.
    pub sock: f32,
    pub sock_colour: Vec3,
    pub gloves: bool,
    pub pads: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hair {
    None,
    Short,
    Medium,
    Long,
    Round,
    Tail,
    Bun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hat {
    None,
    Cap,
    Beanie,
    Brim,
    Helmet,
    Hood,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Footwear {
    Shoe,
    Boot,
    Bare,
}

/// Shirt, jacket or bare chest.
#[derive(Clone, Debug)]
pub(crate) struct Top {
    pub cloth: Cloth,
    /// Where on the arm the sleeve ends: 0 none, 1 the elbow, 2 the wrist.
    pub sleeve: f32,
    /// Metres between skin and cloth at its loosest.
    pub loose: f32,
    /// Where on the trunk it begins and ends.
    pub hem: f32,
    pub collar: f32,
    pub stand_up: bool,
    pub bare: bool,
}

/// Trousers, shorts or skirt.
#[derive(Clone, Debug)]
pub(crate) struct Bottom {
    pub cloth: Cloth,
    /// Where on the leg it ends: 1 the knee, 2 the ankle.
    pub length: f32,
    pub loose: f32,
    pub skirt: bool,
}

/// A woven thing.
#[derive(Clone, Debug)]
pub(crate) struct Cloth {
    pub colour: Vec3,
    pub second: Vec3,
    pub pattern: Pattern,
    /// Metres of one repeat.
    pub repeat: f32,
    /// Depth of folds: 0 tight to 1.
    pub folds: f32,
    /// 0 dull to 1 shiny.
    pub gloss: f32,
    pub seed: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Plain,
    Hoops,
    Stripes,
    Checks,
    Blotches,
    Dots,
    /// A print on the chest.
    Print,
    /// Two colours, one above the other.
    Halves,
    /// An open jacket over a shirt.
    Open,
}

/// From light to dark (sRGB), after the range of human skin.
const SKINS: [[f32; 3]; 9] = [
    [244.0, 208.0, 186.0],
    [236.0, 193.0, 166.0],
    [224.0, 178.0, 148.0],
    [210.0, 160.0, 126.0],
    [190.0, 136.0, 100.0],
    [164.0, 112.0, 80.0],
    [134.0, 88.0, 62.0],
    [104.0, 68.0, 49.0],
    [78.0, 51.0, 38.0],
];
const HAIRS: [[f32; 3]; 9] = [
    [24.0, 20.0, 18.0],
    [40.0, 30.0, 24.0],
    [62.0, 42.0, 30.0],
    [92.0, 62.0, 40.0],
    [128.0, 88.0, 52.0],
    [178.0, 138.0, 86.0],
    [140.0, 66.0, 34.0],
    [150.0, 148.0, 144.0],
    [206.0, 202.0, 196.0],
];
/// What clothes are mostly made in: dark and muted colours first.
const CLOTHS: [[f32; 3]; 20] = [
    [28.0, 28.0, 32.0],
    [40.0, 46.0, 62.0],
    [52.0, 70.0, 104.0],
    [70.0, 72.0, 76.0],
    [110.0, 112.0, 114.0],
    [166.0, 166.0, 164.0],
    [232.0, 232.0, 228.0],
    [216.0, 206.0, 184.0],
    [150.0, 126.0, 96.0],
    [92.0, 70.0, 50.0],
    [78.0, 84.0, 56.0],
    [44.0, 84.0, 60.0],
    [150.0, 34.0, 36.0],
    [204.0, 52.0, 44.0],
    [226.0, 132.0, 40.0],
    [236.0, 200.0, 70.0],
    [60.0, 124.0, 190.0],
    [126.0, 176.0, 212.0],
    [112.0, 66.0, 130.0],
    [216.0, 130.0, 160.0],
];

fn shade(random: &mut Random, [r, g, b]: [f32; 3], spread: f32) -> Vec3 {
    let light = 1.0 + random.normal(spread);
    let mut channel = |c: f32| (c * light + random.normal(spread * 40.0)).clamp(4.0, 250.0);
    srgb(channel(r), channel(g), channel(b))
}

impl Cloth {
    pub fn plain(colour: Vec3) -> Cloth {
        Cloth { colour, second: colour, pattern: Pattern::Plain, repeat: 0.1, folds: 0.6, gloss: 0.1, seed: 0.0 }
    }

    fn random(random: &mut Random, patterns: &[Pattern], plain: f32) -> Cloth {
        let base = random.pick(&CLOTHS);
        let colour = shade(random, base, 0.1);
        let other = random.pick(&CLOTHS);
        let pattern = if random.chance(plain) { Pattern::Plain } else { random.pick(patterns) };
        Cloth {
            colour,
            second: shade(random, other, 0.1),
            pattern,
            repeat: random.range(0.03, 0.16),
            folds: random.range(0.35, 1.0),
            gloss: if random.chance(0.2) { random.range(0.2, 0.7) } else { random.range(0.0, 0.15) },
            seed: random.unit(),
        }
    }
}

impl Look {
    /// Random everyday, sports or work clothes.
    pub fn random(random: &mut Random, feminine: f32) -> Look {
        const ABOVE: [Pattern; 8] = [
            Pattern::Hoops,
            Pattern::Stripes,
            Pattern::Checks,
            Pattern::Blotches,
            Pattern::Dots,
            Pattern::Print,
            Pattern::Halves,
            Pattern::Open,
        ];
        let tone = random.pick(&SKINS);
        let skin = shade(random, tone, 0.04);
        let woman = feminine > 0.5;
        let dark = if tone[0] < 170.0 { 3 } else { HAIRS.len() };
        let hair_tone = HAIRS[random.below(dark)];
        let hair_colour = shade(random, hair_tone, 0.1);
        let hair = if woman {
            random.pick(&[Hair::Long, Hair::Long, Hair::Medium, Hair::Tail, Hair::Bun, Hair::Short, Hair::Round])
        } else {
            random.pick(&[Hair::Short, Hair::Short, Hair::Short, Hair::Short, Hair::Medium, Hair::None, Hair::Round])
        };
        let hat = if random.chance(0.2) {
            random.pick(&[Hat::Cap, Hat::Cap, Hat::Beanie, Hat::Brim, Hat::Hood])
        } else {
            Hat::None
        };
        let hair = if hat != Hat::None && matches!(hair, Hair::Round | Hair::Bun) { Hair::Short } else { hair };
        let beard = if woman || random.chance(0.55) { 0.0 } else { random.range(0.2, 1.0) };
        let eyes = [[92.0, 60.0, 34.0], [60.0, 40.0, 26.0], [96.0, 120.0, 140.0], [110.0, 120.0, 80.0]];
        let iris = random.pick(&eyes);
        let face = FaceLook {
            skin,
            iris: srgb(iris[0], iris[1], iris[2]),
            brow: hair_colour * 0.7,
            lips: skin.times(if woman && random.chance(0.5) { vec3(0.95, 0.42, 0.42) } else { vec3(0.85, 0.58, 0.55) }),
            eyes: random.range(0.5, 1.0),
            gaze: (random.range(-0.5, 0.5), random.range(-0.12, 0.1)),
            smile: random.range(-0.2, 1.0),
            mouth: if random.chance(0.3) { random.range(0.2, 0.9) } else { 0.0 },
            beard,
            moustache: if beard > 0.0 || woman { 0.0 } else { f32::from(random.chance(0.15)) },
            glasses: random.chance(0.16).then(|| {
                let dark = random.chance(0.5);
                (if dark { vec3(0.008, 0.008, 0.01) } else { srgb(50.0, 44.0, 42.0) }, dark)
            }),
            stubble: if hair == Hair::None { random.range(0.0, 0.6) } else { 0.75 },
            seed: random.unit() * 8.0,
        };
        let sleeve = match random.below(10) {
            0 => 0.0,
            1..=5 => random.range(0.45, 0.75),
            6 => random.range(0.9, 1.4),
            _ => random.range(1.86, 1.98),
        };
        let warm = sleeve > 1.5;
        let bare = !woman && random.chance(0.03);
        let mut top = Cloth::random(random, &ABOVE, 0.5);
        if top.pattern == Pattern::Open && !warm {
            top.pattern = Pattern::Plain;
        }
        let skirt = woman && random.chance(0.22);
        let shorts = random.chance(if warm { 0.08 } else { 0.4 });
        let mut bottom = Cloth::random(random, &[Pattern::Stripes, Pattern::Checks, Pattern::Blotches], 0.9);
        if !skirt && random.chance(0.45) {
            // Jeans.
            bottom.colour = shade(random, [56.0, 74.0, 108.0], 0.25);
        }
        if skirt && random.chance(0.6) {
            // A dress.
            bottom = top.clone();
        }
        let shoes = [
            [30.0, 28.0, 28.0],
            [232.0, 232.0, 230.0],
            [92.0, 62.0, 40.0],
            [120.0, 120.0, 124.0],
            [180.0, 40.0, 40.0],
            [40.0, 70.0, 140.0],
        ];
        let shoe = random.pick(&shoes);
        Look {
            face,
            nose: random.range(0.85, 1.15),
            hair,
            hair_colour,
            volume: random.unit(),
            hat,
            hat_cloth: Cloth::random(random, &[Pattern::Hoops], 0.9),
            top: Top {
                cloth: if bare { Cloth::plain(skin) } else { top },
                sleeve: if bare { 0.0 } else { sleeve },
                loose: if bare { 0.0 } else { random.range(0.004, 0.026) + if warm { 0.014 } else { 0.0 } },
                hem: if bare || random.chance(0.25) { 0.16 } else { random.range(-0.16, 0.02) },
                collar: if bare {
                    1.16
                } else if sleeve < 0.1 {
                    random.range(0.98, 1.04)
                } else {
                    random.range(1.05, 1.13)
                },
                stand_up: !bare && sleeve > 0.1 && random.chance(if warm { 0.5 } else { 0.2 }),
                bare,
            },
            bottom: Bottom {
                cloth: bottom,
                length: if skirt {
                    random.range(0.55, 1.7)
                } else if shorts {
                    random.range(0.45, 1.02)
                } else {
                    random.range(1.8, 2.0)
                },
                loose: if shorts { random.range(0.008, 0.03) } else { random.range(0.004, 0.022) },
                skirt,
            },
            shoe: shade(random, shoe, 0.1),
            sole: if random.chance(0.6) { srgb(224.0, 222.0, 216.0) } else { srgb(40.0, 38.0, 36.0) },
            footwear: match random.below(12) {
                0 => Footwear::Bare,
                1 | 2 if warm => Footwear::Boot,
                _ => Footwear::Shoe,
            },
            sock: if shorts && random.chance(0.6) { random.range(0.2, 0.7) } else { 0.15 },
            sock_colour: if random.chance(0.6) { srgb(228.0, 228.0, 226.0) } else { srgb(40.0, 40.0, 44.0) },
            gloves: warm && random.chance(0.06),
            pads: false,
        }
    }

    /// The materials of a figure's surfaces, by their index.
    pub fn materials(&self) -> Vec<Material> {
        let cloth = |cloth: &Cloth| Material::Cloth(Box::new(cloth.clone()));
        let mut materials = vec![Material::Skin(self.face.skin); usize::from(surface::COUNT)];
        let mut set = |index: u16, material: Material| materials[usize::from(index)] = material;
        set(surface::FACE, Material::Face(Box::new(self.face.clone())));
        set(surface::HAIR, Material::Hair { colour: self.hair_colour, seed: self.face.seed });
        if !self.top.bare {
            set(surface::TOP, cloth(&self.top.cloth));
        }
        set(surface::BOTTOM, cloth(&self.bottom.cloth));
        set(surface::SHOE, Material::Shoe { upper: self.shoe, sole: self.sole });
        set(surface::SOCK, cloth(&Cloth::plain(self.sock_colour)));
        set(surface::HAT, cloth(&self.hat_cloth));
        let pads = if self.pads { srgb(232.0, 230.0, 222.0) } else { self.shoe };
        set(surface::EXTRA, cloth(&Cloth::plain(pads)));
        set(surface::BLADE, Material::Solid { colour: srgb(208.0, 176.0, 128.0), gloss: 0.2 });
        set(surface::GRIP, Material::Solid { colour: srgb(40.0, 60.0, 120.0), gloss: 0.1 });
        materials
    }

    /// Cricket whites, with pads, gloves and helmet for who bats.
    pub fn cricketer(random: &mut Random, bats: bool) -> Look {
        let mut look = Look::random(random, 0.0);
        let white = srgb(226.0, 224.0, 214.0);
        let coloured =
            random.chance(0.5).then(|| random.pick(&[[30.0, 60.0, 140.0], [190.0, 40.0, 40.0], [30.0, 110.0, 60.0]]));
        let colour = coloured.map_or(white, |[r, g, b]| srgb(r, g, b));
        let cloth = Cloth { colour, folds: 0.7, ..Cloth::plain(colour) };
        look.top =
            Top { cloth: cloth.clone(), sleeve: 0.6, loose: 0.018, hem: 0.0, collar: 1.1, stand_up: true, bare: false };
        look.bottom = Bottom { cloth, length: 1.95, loose: 0.014, skirt: false };
        look.shoe = white;
        look.footwear = Footwear::Shoe;
        look.hat = if bats { Hat::Helmet } else { Hat::None };
        look.hat_cloth = Cloth { gloss: 0.6, folds: 0.0, ..Cloth::plain(srgb(30.0, 40.0, 80.0)) };
        (look.gloves, look.pads) = (bats, bats);
        look
    }
}
