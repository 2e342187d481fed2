//! The part of Python's pickle format that PyTorch writes, read without running anything.
//!
//! A pickle is a program for a small stack machine, and Python runs what it says. Here a call is only a note of what would
//! be called with what. Objects lie in one list and name each other by place, so sharing costs nothing, however often
//! something is shared, and nesting needs no recursion, however deep. A program makes at most as many objects as it has
//! bytes, and no more than [`MOST_OBJECTS`].
//!
//! Source of the operations: `Lib/pickletools.py` of CPython.

use std::collections::HashMap;

/// The most objects a pickle may make. A checkpoint of a thousand tensors makes some twenty thousand.
const MOST_OBJECTS: usize = 2_000_000;

/// The place of an object in its [`Pickle`].
pub type Place = usize;

/// An object, as far as reading tensors takes it.
#[derive(Debug)]
pub enum Object<'a> {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// A tuple or a list.
    Sequence(Vec<Place>),
    /// A dictionary, in the order of its entries; a later entry of the same key counts.
    Dict(Vec<(Place, Place)>),
    /// Something that is imported: module and name.
    Global(&'a str, &'a str),
    /// What calling something with a tuple of arguments would return.
    Call(Place, Place),
    /// Something that is kept outside the pickle, by its id.
    Persistent(Place),
    /// Anything else.
    Other,
}

/// The objects of one pickle.
#[derive(Debug)]
pub struct Pickle<'a> {
    objects: Vec<Object<'a>>,
    /// The object that the pickle is of.
    pub root: Place,
    /// How many bytes it takes; another pickle may follow.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that `bytes` begin with. The error says what is wrong and at which byte.
    pub fn read(bytes: &'a [u8]) -> Result<Pickle<'a>, String> {
        let mut machine =
            Machine { bytes, at: 0, objects: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
        loop {
            let before = machine.at;
            match machine.step() {
                Ok(None) => {}
                Ok(Some(root)) => return Ok(Pickle { objects: machine.objects, root, length: machine.at }),
                Err(what) => return Err(format!("{what} at byte {before} of the pickle")),
            }
        }
    }

    /// The object at a place.
    pub fn get(&self, place: Place) -> &Object<'a> {
        self.objects.get(place).unwrap_or(&Object::Other)
    }

    /// The text at a place.
    pub fn text(&self, place: Place) -> Option<&'a str> {
        if let Object::Text(text) = self.get(place) { Some(text) } else { None }
    }

    /// The number at a place, when it is not negative.
    pub fn size(&self, place: Place) -> Option<usize> {
        if let Object::Int(number) = self.get(place) { usize::try_from(*number).ok() } else { None }
    }

    /// The elements of the tuple or list at a place.
    pub fn sequence(&self, place: Place) -> Option<&[Place]> {
        if let Object::Sequence(elements) = self.get(place) { Some(elements) } else { None }
    }

    /// The numbers of the tuple at a place.
    pub fn sizes(&self, place: Place) -> Option<Vec<usize>> {
        self.sequence(place)?.iter().map(|&element| self.size(element)).collect()
    }

    /// Module and name of what is imported at a place.
    pub fn global(&self, place: Place) -> Option<(&'a str, &'a str)> {
        if let Object::Global(module, name) = self.get(place) { Some((module, name)) } else { None }
    }

    /// Whose call is at a place, and with which arguments.
    pub fn call(&self, place: Place) -> Option<((&'a str, &'a str), &[Place])> {
        let Object::Call(callable, arguments) = self.get(place) else { return None };
        Some((self.global(*callable)?, self.sequence(*arguments)?))
    }

    /// The ids of everything that is kept outside the pickle.
    pub fn persistent_ids(&self) -> impl Iterator<Item = Place> + '_ {
        self.objects.iter().filter_map(|object| if let Object::Persistent(id) = object { Some(*id) } else { None })
    }

    /// The entries of the dictionary at a place that have a text as their key.
    pub fn entries(&self, place: Place) -> Option<impl Iterator<Item = (&'a str, Place)> + '_> {
        let Object::Dict(entries) = self.get(place) else { return None };
        Some(entries.iter().filter_map(|&(key, value)| Some((self.text(key)?, value))))
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object<'a>>,
    stack: Vec<Place>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Place>,
}

impl<'a> Machine<'a> {
    /// One operation; the pickle's object when it was the last.
    fn step(&mut self) -> Result<Option<Place>, String> {
        match self.byte()? {
            b'.' => return self.pop().map(Some),
            // PROTO and FRAME say what needs no knowing.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Object::Other)?,
            truth @ (0x88 | 0x89) => self.push(Object::Bool(truth == 0x88))?,
            // BINFLOAT and bytes.
            b'G' => self.skip_as_other(8)?,
            b'C' => {
                let length = usize::from(self.byte()?);
                self.skip_as_other(length)?;
            }
            b'B' => {
                let length = self.length4()?;
                self.skip_as_other(length)?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Object::Int(number.into()))?;
            }
            b'K' => {
                let number = self.byte()?;
                self.push(Object::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Object::Int(number.into()))?;
            }
            0x8a => self.long()?,
            b'X' => {
                let length = self.length4()?;
                self.push_text(length)?;
            }
            // SHORT_BINUNICODE, and the text of Python 2.
            0x8c | b'U' => {
                let length = usize::from(self.byte()?);
                self.push_text(length)?;
            }
            b'T' => {
                let length = self.length4()?;
                self.push_text(length)?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.array()?);
                self.push_text(usize::try_from(length).unwrap_or(usize::MAX))?;
            }
            b')' | b']' | 0x8f => self.push(Object::Sequence(Vec::new()))?,
            b't' | b'l' | 0x91 => {
                let elements = self.pop_to_mark()?;
                self.push(Object::Sequence(elements))?;
            }
            operation @ 0x85..=0x87 => {
                let count = usize::from(operation - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or("nothing to make a tuple of")?;
                let elements = self.stack.split_off(from);
                self.push(Object::Sequence(elements))?;
            }
            b'a' => {
                let element = self.pop()?;
                self.extend(vec![element])?;
            }
            b'e' | 0x90 => {
                let elements = self.pop_to_mark()?;
                self.extend(elements)?;
            }
            b'}' => self.push(Object::Dict(Vec::new()))?,
            b'd' => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.push(Object::Dict(entries))?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(vec![(key, value)])?;
            }
            b'u' => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.insert(entries)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Global(module, name))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(Object::Text(module)), Some(Object::Text(name))) =
                    (self.objects.get(module), self.objects.get(name))
                else {
                    return Err("an import of something that is no name".to_owned());
                };
                let global = Object::Global(module, name);
                self.push(global)?;
            }
            // REDUCE and NEWOBJ.
            b'R' | 0x81 => self.call()?,
            0x92 => {
                let _keywords = self.pop()?;
                self.call()?;
            }
            // BUILD sets an object's attributes; those of a dictionary (`_metadata` of a state_dict) say nothing of tensors.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Persistent(id))?;
            }
            b'q' => {
                let key = self.byte()?;
                self.remember(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.remember(key)?;
            }
            0x94 => {
                let key = u32::try_from(self.memo.len()).map_err(|_| "too much is remembered")?;
                self.remember(key)?;
            }
            b'h' => {
                let key = self.byte()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.recall(key)?;
            }
            other => return Err(format!("operation {other:#04x}, which PyTorch does not write,")),
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end =
            self.at.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or("the pickle ends in the middle")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn length4(&mut self) -> Result<usize, String> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a line that does not end")?;
        let line = self.take(length + 1)?;
        std::str::from_utf8(&line[..length]).map_err(|_| "a name that is not UTF-8".to_owned())
    }

    fn push(&mut self, object: Object<'a>) -> Result<(), String> {
        if self.objects.len() >= MOST_OBJECTS {
            return Err(format!("more than {MOST_OBJECTS} objects"));
        }
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    fn push_text(&mut self, length: usize) -> Result<(), String> {
        // What Python 2 wrote as text may be bytes: no name of a tensor.
        let object = std::str::from_utf8(self.take(length)?).map_or(Object::Other, Object::Text);
        self.push(object)
    }

    fn skip_as_other(&mut self, length: usize) -> Result<(), String> {
        self.take(length)?;
        self.push(Object::Other)
    }

    /// LONG1: a number of up to 255 bytes, of which PyTorch writes at most nine.
    fn long(&mut self) -> Result<(), String> {
        let length = usize::from(self.byte()?);
        let bytes = self.take(length)?;
        if length > 8 {
            return self.push(Object::Other);
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        wide[..length].copy_from_slice(bytes);
        self.push(Object::Int(i64::from_le_bytes(wide)))
    }

    fn top(&self) -> Result<Place, String> {
        self.stack.last().copied().ok_or_else(|| "an empty stack".to_owned())
    }

    fn pop(&mut self) -> Result<Place, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Place>, String> {
        let height = self.marks.pop().filter(|height| *height <= self.stack.len()).ok_or("no mark")?;
        Ok(self.stack.split_off(height))
    }

    /// Appends to the list on top. What is no list (an object that Python would have called) is left alone.
    fn extend(&mut self, elements: Vec<Place>) -> Result<(), String> {
        let top = self.top()?;
        if let Some(Object::Sequence(list)) = self.objects.get_mut(top) {
            list.extend(elements);
        }
        Ok(())
    }

    fn insert(&mut self, entries: Vec<(Place, Place)>) -> Result<(), String> {
        let top = self.top()?;
        if let Some(Object::Dict(dict)) = self.objects.get_mut(top) {
            dict.extend(entries);
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), String> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let object = match self.objects.get(callable) {
            Some(Object::Global("collections", "OrderedDict")) => Object::Dict(self.given_entries(arguments)),
            _ => Object::Call(callable, arguments),
        };
        self.push(object)
    }

    /// The entries that an `OrderedDict` is made with: none by Python 3, a list of pairs by Python 2.
    fn given_entries(&self, arguments: Place) -> Vec<(Place, Place)> {
        let sequence = |place: Place| match self.objects.get(place) {
            Some(Object::Sequence(elements)) => elements.as_slice(),
            _ => &[],
        };
        let list = sequence(arguments).first().map_or(&[][..], |&list| sequence(list));
        let pair = |&place: &Place| if let [key, value] = *sequence(place) { Some((key, value)) } else { None };
        list.iter().filter_map(pair).collect()
    }

    fn remember(&mut self, key: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), String> {
        let place = *self.memo.get(&key).ok_or_else(|| format!("nothing is remembered as {key}"))?;
        self.stack.push(place);
        Ok(())
    }
}

fn pairs(flat: &[Place]) -> Result<Vec<(Place, Place)>, String> {
    if !flat.len().is_multiple_of(2) {
        return Err("a key without a value".to_owned());
    }
    Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `pickle.dumps` of Python 3.11 wrote, protocols 2 and 4, of `{"a": (1, -2, 70000, 1 << 40), "b": ["c", None]}`.
    const TWO: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01(K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01tq\x02X\x01\x00\x00\x00bq\x03]q\x04(X\x01\x00\x00\x00cq\x05Neu.";
    const FOUR: &[u8] = b"\x80\x04\x95-\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94(K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01t\x94\x8c\x01b\x94]\x94(\x8c\x01c\x94Neu.";

    #[test]
    fn what_python_wrote_is_read() {
        for bytes in [TWO, FOUR] {
            let pickle = Pickle::read(bytes).unwrap();
            assert_eq!(pickle.length, bytes.len());
            let entries: Vec<(&str, Place)> = pickle.entries(pickle.root).unwrap().collect();
            assert_eq!(entries.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a", "b"]);
            let numbers: Vec<i64> = pickle
                .sequence(entries[0].1)
                .unwrap()
                .iter()
                .map(|&place| if let Object::Int(number) = pickle.get(place) { *number } else { panic!("{place}") })
                .collect();
            assert_eq!(numbers, [1, -2, 70_000, 1 << 40]);
            let list = pickle.sequence(entries[1].1).unwrap();
            assert_eq!((list.len(), pickle.text(list[0])), (2, Some("c")));
        }
    }

    #[test]
    fn a_call_is_noted_and_not_made() {
        // os.system("echo"): what a hostile checkpoint holds.
        let pickle = Pickle::read(b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00echoq\x01\x85q\x02Rq\x03.").unwrap();
        let (callable, arguments) = pickle.call(pickle.root).unwrap();
        assert_eq!((callable, pickle.text(arguments[0])), (("posix", "system"), Some("echo")));
    }

    #[test]
    fn sharing_and_nesting_cost_no_more_than_their_bytes() {
        // Each object holds the one before twice: 2^100 leaves when written out.
        let mut doubled = b"\x80\x02]q\x00".to_vec();
        for _ in 0..100 {
            doubled.extend(b"h\x00h\x00\x86q\x00");
        }
        doubled.push(b'.');
        assert_eq!(Pickle::read(&doubled).unwrap().objects.len(), 101);
        let mut deep = b"\x80\x02N".to_vec();
        deep.extend([0x85; 1_000_000]);
        deep.push(b'.');
        assert_eq!(Pickle::read(&deep).unwrap().objects.len(), 1_000_001);
        let many = vec![b'N'; MOST_OBJECTS + 2];
        assert!(Pickle::read(&many).unwrap_err().contains("objects"));
    }

    #[test]
    fn what_is_cut_or_changed_is_an_error_or_something_else_but_never_a_panic() {
        for bytes in [TWO, FOUR] {
            for length in 0..bytes.len() {
                assert!(Pickle::read(&bytes[..length]).is_err(), "{length}");
            }
            for place in 0..bytes.len() {
                for change in 0..=255 {
                    let mut changed = bytes.to_vec();
                    changed[place] = change;
                    let _ = Pickle::read(&changed);
                }
            }
        }
        // A text of 4 GiB that is not there.
        assert!(Pickle::read(b"X\xff\xff\xff\xffabc").is_err());
        assert!(Pickle::read(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }
}
