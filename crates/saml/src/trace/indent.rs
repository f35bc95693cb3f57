/// A piece of XML text.
enum Piece<'a> {
    Open(&'a str),
    Close(&'a str),
    /// What stands alone: an empty element, a comment, the declaration.
    Alone(&'a str),
    Text(&'a str),
}

/// The same XML with each element on a line of its own; an element with nothing but text stays on one line.
pub(super) fn indent(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len() + xml.len() / 4);
    let mut depth = 0usize;
    let mut inline = true;
    for piece in pieces(xml) {
        match piece {
            Piece::Open(tag) => {
                line(&mut out, depth, tag);
                depth += 1;
                inline = true;
            }
            Piece::Alone(tag) => {
                line(&mut out, depth, tag);
                inline = false;
            }
            Piece::Text(text) => out.push_str(text),
            Piece::Close(tag) => {
                depth = depth.saturating_sub(1);
                if inline {
                    out.push_str(tag)
                } else {
                    line(&mut out, depth, tag)
                }
                inline = false;
            }
        }
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    if !out.is_empty() {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
    out.push_str(text);
}

fn pieces(xml: &str) -> Vec<Piece<'_>> {
    let mut all = Vec::new();
    let mut rest = xml;
    while !rest.is_empty() {
        let end = piece_end(rest);
        let (piece, after) = rest.split_at(end);
        rest = after;
        if !piece.starts_with('<') || piece.starts_with("<![") {
            if !piece.trim().is_empty() {
                all.push(Piece::Text(piece.trim()));
            }
        } else if piece.starts_with("</") {
            all.push(Piece::Close(piece));
        } else if piece.ends_with("/>") || piece.starts_with("<!") || piece.starts_with("<?") {
            all.push(Piece::Alone(piece));
        } else {
            all.push(Piece::Open(piece));
        }
    }
    all
}

/// Where the first piece ends: well-formed XML, so that only quotes hide a `>`.
fn piece_end(rest: &str) -> usize {
    let until = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    if rest.starts_with("<!--") {
        return until("-->");
    }
    if rest.starts_with("<![CDATA[") {
        return until("]]>");
    }
    if !rest.starts_with('<') {
        return rest.find('<').unwrap_or(rest.len());
    }
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
