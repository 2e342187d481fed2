//! Captions stand where the truth says; a font that is missing is an error.

use framefan_contract::error::ErrorKind;
use framefan_scene::{CaptionSettings, Scene, SceneSettings};
use framefan_testkit::skip;

fn caption(font: Option<&str>) -> CaptionSettings {
    CaptionSettings {
        text: "Gruß, Jörg".to_owned(),
        font: font.map(Into::into),
        size_px: 28.0,
        place: [0.5, 0.85],
        frames: [1, 3],
    }
}

fn scene(captions: Vec<CaptionSettings>) -> framefan_contract::error::Result<Scene> {
    Scene::new(2, SceneSettings { width: 320, height: 180, frames: 4, people: 1, captions, ..SceneSettings::default() })
}

#[test]
fn a_caption_changes_the_pixels_of_its_box() {
    let with = match scene(vec![caption(None)]) {
        Ok(scene) => scene,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            return skip("a caption changes the pixels of its box", "a font (fonts-dejavu-core)");
        }
    };
    let without = scene(Vec::new()).unwrap();
    for index in [0, 3] {
        assert!(with.frame(index).0 == without.frame(index).0, "frame {index} has no caption");
        assert!(with.truth(index).captions.is_empty());
    }
    let ((a, truth), (b, _)) = (with.frame(1), without.frame(1));
    let [x, y, w, h] = truth.captions[0].bbox;
    assert_eq!(truth.captions[0].text, "Gruß, Jörg");
    let mut changed = [usize::MAX, usize::MAX, 0, 0];
    for row in 0..180 {
        for column in 0..320 {
            if a.pixel(column, row) != b.pixel(column, row) {
                let [x0, y0, x1, y1] = changed;
                changed = [x0.min(column), y0.min(row), x1.max(column + 1), y1.max(row + 1)];
            }
        }
    }
    let told = [x, y, x + w, y + h];
    for (told, seen) in told.iter().zip(changed) {
        // Around the letters is a dark edge of two pixels.
        assert!((told - seen as f32).abs() <= 4.0, "{told} {seen}");
    }
    assert!(w > 100.0 && h > 15.0);
}

#[test]
fn a_missing_font_is_an_error_that_names_it() {
    let error = scene(vec![caption(Some("/no/such/font.ttf"))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("/no/such/font.ttf"), "{error}");
    let error = scene(vec![caption(Some(file!()))]);
    // This file lies elsewhere when the tests run in the crate's folder.
    assert!(error.is_err());
    let no_font = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(no_font.path(), "no font").unwrap();
    let error = scene(vec![caption(no_font.path().to_str())]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
}
