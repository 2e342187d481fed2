//! A scene: people, things and a camera over time, drawn frame by frame.

use std::fmt;

use framefan_contract::error::{Error, Result};
use rayon::prelude::*;

use crate::body::{Figure, Part};
use crate::camera::CameraPath;
use crate::caption::{Caption, CaptionSettings};
use crate::draw::{Canvas, Finish, Group, Material, ShadowMap, View, finish};
use crate::image::{LinearImage, RgbImage};
use crate::math::{Vec3, vec3};
use crate::motion::{Actor, BallFlight};
use crate::observe::observe;
use crate::truth::{BlurTruth, FrameTruth, Labels, SCHEMA, SceneTruth};
use crate::world::{Prop, Setting, ball_mesh};

/// The most people in a scene: each has a bit in the masks.
pub const MAX_PEOPLE: usize = 30;

/// The size, length and manner of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneSettings {
    /// Columns, 16 to 4096.
    pub width: usize,
    /// Rows, 16 to 4096.
    pub height: usize,
    /// Frames a second, 1 to 240.
    pub fps: u32,
    /// Frames in the whole scene, at least 1.
    pub frames: usize,
    /// At most [`MAX_PEOPLE`].
    pub people: usize,
    /// Whether the lens adds grain, vignette, defocus and uneven exposure.
    pub lens: bool,
    /// Whether things throw shadows.
    pub shadows: bool,
    /// Share of the time between frames for which the shutter is open: 0 to 1.
    pub shutter: f32,
    /// Moments of the exposure that are drawn and averaged, 1 to 32. With 1 only the camera's motion blurs the picture; with
    /// more, the people's motion does, too.
    pub shutter_samples: usize,
    /// Texts over the picture.
    pub captions: Vec<CaptionSettings>,
}

impl Default for SceneSettings {
    fn default() -> Self {
        SceneSettings {
            width: 640,
            height: 360,
            fps: 25,
            frames: 250,
            people: 3,
            lens: true,
            shadows: true,
            shutter: 0.35,
            shutter_samples: 1,
            captions: Vec::new(),
        }
    }
}

impl SceneSettings {
    fn check(&self) -> Result<()> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            if value >= low && value <= high {
                Ok(())
            } else {
                Err(Error::usage(format!("a scene's {name} is {value}: it must be between {low} and {high}")))
            }
        };
        within("width", self.width as f64, 16.0, 4096.0)?;
        within("height", self.height as f64, 16.0, 4096.0)?;
        within("fps", f64::from(self.fps), 1.0, 240.0)?;
        within("number of frames", self.frames as f64, 1.0, 1e7)?;
        within("number of people", self.people as f64, 0.0, MAX_PEOPLE as f64)?;
        within("shutter", f64::from(self.shutter), 0.0, 1.0)?;
        within("number of shutter samples", self.shutter_samples as f64, 1.0, 32.0)
    }
}

/// A ball that a person throws.
#[derive(Clone, Debug)]
pub(crate) struct Ball {
    pub flight: BallFlight,
    /// Index of the bowler.
    pub bowler: usize,
}

/// What plays, as the ready-made scenes put it together.
pub(crate) struct Play {
    pub name: String,
    pub seed: u64,
    pub actors: Vec<Actor>,
    pub props: Vec<Prop>,
    pub setting: Setting,
    pub camera: CameraPath,
    pub finish: Finish,
    /// Defocus of each frame where it differs from the finish's: deviation in pixels.
    pub defocus: Vec<f32>,
    pub ball: Option<Ball>,
}

/// A scene that can be drawn, any frame in any order, on any number of threads: the same bytes each time.
pub struct Scene {
    settings: SceneSettings,
    play: Play,
    materials: Vec<Vec<Material>>,
    captions: Vec<Caption>,
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Play { name, seed, .. } = &self.play;
        f.debug_struct("Scene").field("name", name).field("seed", seed).field("settings", &self.settings).finish()
    }
}

/// All meshes of one moment.
struct Moment {
    view: View,
    figures: Vec<Figure>,
    ball: Option<(Vec3, crate::body::Mesh)>,
}

impl Scene {
    pub(crate) fn stage(play: Play, settings: SceneSettings) -> Result<Scene> {
        settings.check()?;
        let captions = settings.captions.iter().cloned().map(Caption::new).collect::<Result<_>>()?;
        let materials = play.actors.iter().map(|actor| actor.look.materials()).collect();
        Ok(Scene { settings, play, materials, captions })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.settings.frames
    }

    /// The picture of a frame and what is true of it. Panics beyond the last frame.
    pub fn frame(&self, index: usize) -> (RgbImage, FrameTruth) {
        let moment = self.moment(self.time(index));
        let groups = self.groups(&moment);
        let canvas = Canvas::new(&groups, &moment.view);
        let mut light = self.shade(&moment, &canvas);
        let mut how = self.play.finish.clone();
        how.seed = crate::random::mix(how.seed.wrapping_add(index as u64));
        how.defocus = self.defocus(index);
        if self.settings.shutter_samples > 1 {
            light = self.exposed(index);
        } else {
            let [dx, dy] = self.motion(index);
            how.smear = (dx, dy);
        }
        let mut image = finish(light, &how);
        let mut truth = self.observed(index, &moment, &canvas);
        truth.captions = self.captions.iter().filter_map(|caption| caption.draw(&mut image, index)).collect();
        (image, truth)
    }

    /// What is true of a frame, without its picture.
    pub fn truth(&self, index: usize) -> FrameTruth {
        let moment = self.moment(self.time(index));
        let groups = self.groups(&moment);
        let canvas = Canvas::new(&groups, &moment.view);
        let mut truth = self.observed(index, &moment, &canvas);
        if !self.captions.is_empty() {
            let (width, height) = (self.settings.width, self.settings.height);
            let mut image = RgbImage { width, height, data: vec![0; width * height * 3] };
            truth.captions = self.captions.iter().filter_map(|caption| caption.draw(&mut image, index)).collect();
        }
        truth
    }

    /// The truth of all frames.
    pub fn truths(&self) -> SceneTruth {
        let frames = (0..self.frames()).into_par_iter().map(|index| self.truth(index)).collect();
        self.truths_of(frames)
    }

    /// The truth of the scene with these frames' truths.
    pub(crate) fn truths_of(&self, frames: Vec<FrameTruth>) -> SceneTruth {
        SceneTruth {
            schema: SCHEMA.to_owned(),
            scene: self.play.name.clone(),
            seed: self.play.seed,
            width: self.settings.width,
            height: self.settings.height,
            fps: self.settings.fps,
            keypoint_names: SceneTruth::keypoint_names(),
            frames,
        }
    }

    /// Who and what is seen where in a frame.
    pub fn labels(&self, index: usize) -> Labels {
        let moment = self.moment(self.time(index));
        let groups = self.groups(&moment);
        let canvas = Canvas::new(&groups, &moment.view);
        let (columns, rows) = canvas.size();
        let label = |at: usize| {
            let (group, paint) = canvas.seen(at % columns, at / columns)?;
            let person = groups[group].person;
            Some((person.map_or(0, |k| k as u32 + 1), if person.is_some() { paint.part } else { Part::Object }))
        };
        Labels { columns, rows, samples: (0..columns * rows).map(label).collect() }
    }

    /// The same scene without one of its people; the others keep their ids and their bytes.
    pub fn without(mut self, track_id: u32) -> Scene {
        if let Some(actor) = (track_id as usize).checked_sub(1).and_then(|k| self.play.actors.get_mut(k)) {
            // Far behind the camera.
            actor.path = crate::motion::Path::standing(0.0, 1e4);
        }
        self
    }

    fn time(&self, index: usize) -> f32 {
        assert!(index < self.frames(), "the scene has {} frames, there is no frame {index}", self.frames());
        index as f32 / self.settings.fps as f32
    }

    fn exposure(&self) -> f32 {
        self.settings.shutter / self.settings.fps as f32
    }

    /// The camera's motion during the exposure.
    fn motion(&self, index: usize) -> [f32; 2] {
        let (time, half) = (self.time(index), 0.5 * self.exposure());
        self.play.camera.shift(time - half, time + half, self.settings.width, self.settings.height)
    }

    fn defocus(&self, index: usize) -> f32 {
        self.play.defocus.get(index).copied().unwrap_or(self.play.finish.defocus)
    }

    fn moment(&self, time: f32) -> Moment {
        let view = self.play.camera.view(time, self.settings.width, self.settings.height);
        let figures: Vec<Figure> = self.play.actors.iter().map(|actor| actor.figure(time)).collect();
        let ball = self.play.ball.as_ref().map(|ball| {
            let hand = |figure: &Figure| {
                let (wrist, down) = (figure.joints.wrist[1], figure.joints.hand[1].y);
                wrist - down * 0.12
            };
            let released = self.play.actors[ball.bowler].figure(ball.flight.delivery.release_s);
            let at = ball.flight.at(time, hand(&figures[ball.bowler]), hand(&released));
            (at, ball_mesh(at, ball.flight.radius))
        });
        Moment { view, figures, ball }
    }

    fn groups<'a>(&'a self, moment: &'a Moment) -> Vec<Group<'a>> {
        let people = moment.figures.iter().zip(&self.materials).enumerate();
        let mut groups: Vec<Group> =
            people.map(|(k, (figure, materials))| Group { mesh: &figure.mesh, materials, person: Some(k) }).collect();
        groups.extend(self.play.props.iter().map(|p| Group { mesh: &p.mesh, materials: &p.materials, person: None }));
        if let Some((_, mesh)) = &moment.ball {
            groups.push(Group { mesh, materials: BALL.as_slice(), person: None });
        }
        groups
    }

    fn shade(&self, moment: &Moment, canvas: &Canvas) -> LinearImage {
        let setting = &self.play.setting;
        let near = |at: Vec3| (at - moment.view.at).length() < 60.0;
        let people = moment.figures.iter().filter(|figure| near(figure.joints.pelvis)).map(|figure| &figure.mesh);
        let things = self.play.props.iter().map(|prop| &prop.mesh);
        let balls = moment.ball.iter().map(|(_, mesh)| mesh);
        let casters: Vec<_> = people.chain(things).chain(balls).collect();
        let shadows = (self.settings.shadows && !casters.is_empty())
            .then(|| ShadowMap::new(casters.iter().copied(), setting.light.sun));
        canvas.shade(&setting.light, shadows.as_ref(), |x, y| setting.light_along(&moment.view, shadows.as_ref(), x, y))
    }

    /// The mean of several moments of the exposure.
    fn exposed(&self, index: usize) -> LinearImage {
        let count = self.settings.shutter_samples;
        let mut sum = LinearImage::new(self.settings.width, self.settings.height);
        for k in 0..count {
            let time = self.time(index) + self.exposure() * ((k as f32 + 0.5) / count as f32 - 0.5);
            let moment = self.moment(time);
            let groups = self.groups(&moment);
            let light = self.shade(&moment, &Canvas::new(&groups, &moment.view));
            sum.pixels.iter_mut().zip(light.pixels).for_each(|(sum, light)| *sum += light * (1.0 / count as f32));
        }
        sum
    }

    fn observed(&self, index: usize, moment: &Moment, canvas: &Canvas) -> FrameTruth {
        let ball_group = moment.figures.len() + self.play.props.len();
        let radius = self.play.ball.as_ref().map_or(0.0, |ball| ball.flight.radius);
        let balls = moment.ball.iter().map(|(at, _)| (ball_group, *at, radius)).collect::<Vec<_>>();
        let (people, balls) = observe(canvas, &moment.view, &moment.figures, &balls);
        let before = if index == 0 { self.time(0) } else { self.time(index - 1) };
        let (width, height) = (self.settings.width, self.settings.height);
        FrameTruth {
            frame: index,
            time_s: index as f64 / f64::from(self.settings.fps),
            people,
            balls,
            blur: BlurTruth::new(self.defocus(index), self.motion(index)),
            camera_shift_px: self.play.camera.shift(before, self.time(index), width, height),
            captions: Vec::new(),
        }
    }
}

/// A cricket ball is red.
static BALL: std::sync::LazyLock<Vec<Material>> =
    std::sync::LazyLock::new(|| vec![Material::Solid { colour: vec3(0.35, 0.02, 0.02), gloss: 0.5 }]);
