//! Headings of a page: their levels, and headings for named sections.

use std::rc::Rc;

use super::super::dom::{self, Node, tag};
use super::disclosures::{PANEL, SECTION, SECTION_TITLE};

/// The most sections that get headings; the names of others become bold text.
const MAX_SECTION_HEADINGS: usize = 1000;
const MAX_LEVEL: usize = 6;

/// The level of a heading; `None` for other elements.
pub fn heading_level(node: &Node) -> Option<usize> {
    match tag(node).as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(usize::from(level - b'0')),
        _ => None,
    }
}

/// Makes a heading of the name of each section below `root`, one level below the heading
/// above the section. Headings within the section get lower levels than that. Text after a
/// section is again under the heading that was above the section; without such a heading,
/// under one with the text `title`.
pub fn number(root: &Rc<Node>, title: Option<&str>) {
    if !dom::contains_any(root, &[SECTION, PANEL]) {
        return;
    }
    let title = title.map(|title| dom::new_element(root, "h1", vec![dom::text_node(title)]));
    let mut outline = Outline {
        current: title,
        ..Outline::default()
    };
    let mut frames = vec![Frame::new(root.clone())];
    while let Some(frame) = frames.last_mut() {
        let child = frame.node.children.borrow().get(frame.next_child).cloned();
        let Some(child) = child else {
            let Some(frame) = frames.pop() else { break };
            outline.leave(&frame, frames.last());
            continue;
        };
        frame.next_child += 1;
        if let Some(place) = outline.heading_after_section(&child) {
            place.insert(&mut frames);
        }
        let frame_of_child = outline.enter(child, frames.last());
        if let Some(frame) = frame_of_child {
            frames.push(frame);
        }
    }
}

/// An element whose children are visited.
struct Frame {
    node: Rc<Node>,
    next_child: usize,
    /// For a section with a heading: the heading above the section.
    section: Option<Option<Rc<Node>>>,
    /// The level of the heading that was made for the section.
    level: Option<usize>,
    has_flow: bool,
}

impl Frame {
    fn new(node: Rc<Node>) -> Self {
        Self {
            node,
            next_child: 0,
            section: None,
            level: None,
            has_flow: true,
        }
    }
}

#[derive(Default)]
struct Outline {
    /// The last heading.
    current: Option<Rc<Node>>,
    /// The one before the last heading.
    previous: Option<Rc<Node>>,
    /// The levels of the open sections that have a heading.
    section_levels: Vec<usize>,
    headings: usize,
    /// The end of a section that nothing follows so far.
    pending: Option<SectionEnd>,
}

/// The end of a section, where the heading above the section may have to be repeated.
struct SectionEnd {
    parent: Rc<Node>,
    /// The index of the next child of the parent.
    index: usize,
    /// The heading above the section.
    above: Rc<Node>,
    /// The level of the heading of the section.
    level: usize,
}

impl SectionEnd {
    /// Inserts the heading above the section again.
    fn insert(self, frames: &mut [Frame]) {
        let level = heading_level(&self.above).unwrap_or(MAX_LEVEL);
        let children = self.above.children.borrow().clone();
        let heading = dom::new_element(&self.above, heading_name(level), children);
        heading.parent.set(Some(Rc::downgrade(&self.parent)));
        self.parent
            .children
            .borrow_mut()
            .insert(self.index, heading);
        let frame = frames
            .iter_mut()
            .find(|frame| Rc::ptr_eq(&frame.node, &self.parent));
        if let Some(frame) = frame {
            frame.next_child += 1;
        }
    }
}

impl Outline {
    /// Visits a node. Returns the frame of an element with children to visit.
    fn enter(&mut self, node: Rc<Node>, parent: Option<&Frame>) -> Option<Frame> {
        let has_flow = parent.is_some_and(|parent| parent.has_flow);
        if let Some(level) = heading_level(&node) {
            self.enter_heading(&node, level, parent);
            return None;
        }
        let mut frame = Frame {
            has_flow: has_flow && !matches!(tag(&node), "li" | "td" | "th" | "blockquote" | "pre"),
            ..Frame::new(node)
        };
        match tag(&frame.node) {
            SECTION => self.enter_section(&mut frame),
            PANEL if self.headings < MAX_SECTION_HEADINGS => {
                self.headings += 1;
                frame.section = Some(self.previous.clone());
            }
            _ => {}
        }
        (!tag(&frame.node).is_empty()).then_some(frame)
    }

    fn enter_heading(&mut self, heading: &Rc<Node>, level: usize, parent: Option<&Frame>) {
        self.pending = None;
        self.previous = self.current.replace(heading.clone());
        let min_level = self.section_levels.last().map_or(0, |level| level + 1);
        if level < min_level
            && let Some(parent) = parent
        {
            let heading = dom::renamed(heading, heading_name(min_level));
            self.current = Some(heading.clone());
            parent.node.children.borrow_mut()[parent.next_child - 1] = heading;
        }
    }

    fn enter_section(&mut self, frame: &mut Frame) {
        let mut children = frame.node.children.borrow_mut();
        let title = children
            .first_mut()
            .filter(|title| tag(title) == SECTION_TITLE);
        let Some(title) = title else {
            // The section contains its heading.
            if self.headings < MAX_SECTION_HEADINGS {
                self.headings += 1;
                frame.section = Some(self.current.clone());
            }
            return;
        };
        frame.next_child = 1;
        if !frame.has_flow || self.headings == MAX_SECTION_HEADINGS {
            let name = dom::new_element(title, "strong", title.children.take());
            *title = dom::new_element(title, "p", vec![name]);
            return;
        }
        self.headings += 1;
        self.pending = None;
        let above = self
            .current
            .as_ref()
            .and_then(|heading| heading_level(heading));
        let level = (above.unwrap_or(1) + 1).min(MAX_LEVEL);
        *title = dom::renamed(title, heading_name(level));
        frame.section = Some(self.current.replace(title.clone()));
        frame.level = Some(level);
        self.section_levels.push(level);
    }

    /// Leaves an element, whose parent has the frame `parent`.
    fn leave(&mut self, frame: &Frame, parent: Option<&Frame>) {
        let Some(above) = &frame.section else { return };
        if frame.level.is_some() {
            self.section_levels.pop();
        }
        let last = std::mem::replace(&mut self.current, above.clone());
        let level = frame.level.or_else(|| heading_level(last.as_deref()?));
        self.pending = None;
        if let (Some(above), Some(parent)) = (above, parent) {
            self.pending = Some(SectionEnd {
                parent: parent.node.clone(),
                index: parent.next_child,
                above: above.clone(),
                level: level.unwrap_or(MAX_LEVEL),
            });
        }
    }

    /// The end of the last section if `node` follows it and does not belong to it: text, or
    /// a heading that would be below that of the section.
    fn heading_after_section(&mut self, node: &Node) -> Option<SectionEnd> {
        let is_text = tag(node).is_empty() && !dom::is_blank_text(node);
        let is_below =
            |end: &mut SectionEnd| heading_level(node).is_some_and(|level| level > end.level);
        self.pending.take_if(|end| is_text || is_below(end))
    }
}

fn heading_name(level: usize) -> &'static str {
    ["h1", "h2", "h3", "h4", "h5", "h6"][level.clamp(1, MAX_LEVEL) - 1]
}
