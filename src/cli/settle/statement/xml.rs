//! XML as ISO 20022 messages have it: elements, texts, nothing else.

use std::io::{self, BufWriter, Write};

/// Writes elements; each is begun, filled and ended in order.
pub(super) struct Xml<W: Write> {
    to: BufWriter<W>,
    open: Vec<&'static str>,
}

impl<W: Write> Xml<W> {
    /// Begins a document of a namespace.
    pub(super) fn begin(to: W, namespace: &str) -> io::Result<Xml<W>> {
        let mut to = BufWriter::with_capacity(1 << 16, to);
        write!(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"{namespace}\">\n")?;
        Ok(Xml { to, open: Vec::new() })
    }

    /// Begins an element that holds others.
    pub(super) fn open(&mut self, name: &'static str) -> io::Result<()> {
        self.open.push(name);
        write!(self.to, "<{name}>")
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self.open.pop() {
            Some(name) => writeln!(self.to, "</{name}>"),
            None => Ok(()),
        }
    }

    /// An element that holds others.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        fill: impl FnOnce(&mut Xml<W>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.open(name)?;
        fill(self)?;
        self.close()
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        write!(self.to, "<{name}>{}</{name}>", escaped(text))
    }

    /// Elements within each other with a text in the innermost.
    pub(super) fn path(&mut self, names: &[&str], text: &str) -> io::Result<()> {
        names.iter().try_for_each(|name| write!(self.to, "<{name}>"))?;
        write!(self.to, "{}", escaped(text))?;
        names.iter().rev().try_for_each(|name| write!(self.to, "</{name}>"))
    }

    /// An amount in yuan.
    pub(super) fn amount(&mut self, name: &str, yuan: &str) -> io::Result<()> {
        write!(self.to, "<{name} Ccy=\"CNY\">{}</{name}>", escaped(yuan))
    }

    /// Ends what is open, and the document.
    pub(super) fn end(&mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.close()?;
        }
        writeln!(self.to, "</Document>")?;
        self.to.flush()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_ended_and_no_text_ends_it() {
        let mut bytes = Vec::new();
        let mut xml = Xml::begin(&mut bytes, "urn:x").expect("written");
        xml.open("A").expect("written");
        xml.within("B", |xml| xml.text("C", "1 < 2 & \"3\"")).expect("written");
        xml.path(&["D", "E"], "</A>").expect("written");
        xml.amount("F", "400.00").expect("written");
        xml.end().expect("written");
        drop(xml);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:x\">\n<A><B>\
            <C>1 &lt; 2 &amp; \"3\"</C></B>\n<D><E>&lt;/A&gt;</E></D><F Ccy=\"CNY\">400.00</F></A>\n</Document>\n";
        assert_eq!(String::from_utf8(bytes).expect("text"), expected);
    }
}
