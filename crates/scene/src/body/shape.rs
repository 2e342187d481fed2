//! A person's build. Lengths are shares of the height after Drillis and Contini (1966), girths those of a typical adult
//! of 1.75 m.

use crate::random::Random;

/// The proportions of one person.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Metres.
    pub height: f32,
    /// All girths relative to a typical adult's of that height.
    pub girth: f32,
    /// The belly's depth relative to the typical.
    pub belly: f32,
    /// 0 is a typical man's frame, 1 a typical woman's.
    pub feminine: f32,
    /// The muscles of arms and legs relative to the typical.
    pub muscle: f32,
    /// The head's size relative to the typical: larger for children.
    pub head: f32,
    /// Length of the legs relative to the typical.
    pub legs: f32,
}

impl Shape {
    /// A random adult, or now and then a child.
    pub fn random(random: &mut Random) -> Shape {
        let feminine = if random.chance(0.5) { random.range(0.7, 1.0) } else { random.range(0.0, 0.2) };
        let child = random.chance(0.08);
        let adult = 1.76 - 0.13 * feminine + random.normal(0.07).clamp(-0.16, 0.16);
        let girth = 1.0 + random.normal(0.09).clamp(-0.16, 0.3);
        Shape {
            height: if child { random.range(1.1, 1.45) } else { adult },
            girth: if child { 0.92 * girth } else { girth },
            belly: 1.0 + random.range(0.0, 0.9) * (girth - 0.95).max(0.0) * 4.0,
            feminine,
            muscle: 1.0 + random.normal(0.06).clamp(-0.12, 0.15),
            head: if child { random.range(1.14, 1.3) } else { random.range(0.97, 1.05) },
            legs: 1.0 + random.normal(0.02).clamp(-0.05, 0.05),
        }
    }

    /// The factor of lengths against the adult of 1.75 m that the tables describe.
    pub fn scale(&self) -> f32 {
        self.height / 1.75
    }

    /// Metres of girth for centimetres of a table.
    pub fn thick(&self, centimetres: f32) -> f32 {
        centimetres * 0.01 * self.scale() * self.girth
    }

    /// Metres of a limb's girth for centimetres of a table.
    pub fn limb(&self, centimetres: f32) -> f32 {
        self.thick(centimetres) * self.muscle * (1.0 - 0.07 * self.feminine)
    }

    pub fn thigh(&self) -> f32 {
        0.245 * self.height * self.legs
    }

    pub fn shank(&self) -> f32 {
        0.246 * self.height * self.legs
    }

    /// From the ankle down to the sole.
    pub fn ankle(&self) -> f32 {
        0.039 * self.height
    }

    /// Half the distance of the hip joints.
    pub fn hip(&self) -> f32 {
        (0.054 + 0.002 * self.feminine) * self.height
    }

    /// Half the distance of the shoulder joints.
    pub fn shoulder(&self) -> f32 {
        (0.105 - 0.011 * self.feminine) * self.height * (0.7 + 0.3 * self.girth)
    }

    /// From the hip joints' level up to the shoulders'.
    pub fn trunk(&self) -> f32 {
        0.288 * self.height
    }

    pub fn upper_arm(&self) -> f32 {
        0.180 * self.height
    }

    pub fn forearm(&self) -> f32 {
        0.146 * self.height
    }

    pub fn hand(&self) -> f32 {
        0.105 * self.height
    }

    /// Metres of the head for centimetres of a table that describes a head 23 cm high.
    pub fn head_size(&self, centimetres: f32) -> f32 {
        centimetres * 0.01 * self.scale() * self.head * (1.0 - 0.03 * self.feminine)
    }
}
