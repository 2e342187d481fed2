//! Networks that are loaded once and used by several stages.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use framefan_contract::{Error, Result};

/// The networks of one worker, by name. A name tells the architecture, the weights, the device and the number format.
#[derive(Default)]
pub struct Networks(Mutex<BTreeMap<String, Arc<dyn Any + Send + Sync>>>);

impl Networks {
    /// The network called `name`, which is loaded when it is asked for the first time.
    ///
    /// # Errors
    /// What loading says; `Defect` when the name stands for a network of another type.
    pub fn get<T: Any + Send + Sync>(&self, name: &str, load: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        // A panic while loading leaves no half-made entry.
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = match loaded.get(name) {
            Some(network) => network.clone(),
            None => {
                let network: Arc<dyn Any + Send + Sync> = Arc::new(load()?);
                loaded.insert(name.to_owned(), network.clone());
                network
            }
        };
        network.downcast().map_err(|_| Error::defect(format!("'{name}' is the name of two different networks")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_loaded_once() {
        let networks = Networks::default();
        let first = networks.get("a", || Ok(1u32)).unwrap();
        let again = networks.get::<u32>("a", || panic!("loaded twice")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(networks.get::<u32>("b", || Err(Error::not_found("no file"))).is_err());
        assert_eq!(*networks.get("b", || Ok(2u32)).unwrap(), 2);
        assert!(networks.get::<u64>("a", || Ok(1)).is_err());
    }
}
