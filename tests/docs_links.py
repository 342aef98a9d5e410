#!/usr/bin/env python3
"""Checks the Markdown files of the repository: relative links and images lead to files
that exist, fragments to headings of these files, and docs/adr/README.md lists every
decision."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
# Pages of invented websites: their links are URLs of these.
EXCLUDED = {ROOT / "src" / "demo", ROOT / "tests" / "learn", ROOT / "tests" / "retrieval" / "sets"}
SKIPPED_FOLDERS = {".git", "built", "node_modules", "target"}
HTML_LINK = re.compile(r"""<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=["']([^"']+)""")
HTML_ANCHOR = re.compile(r"""<[^>]*?\b(?:id|name)=["']([^"']+)""")


def markdown_files(folder=ROOT):
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in SKIPPED_FOLDERS and path not in EXCLUDED:
            yield from markdown_files(path)
        elif path.suffix == ".md":
            yield path


def tokens(path):
    for block in MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text()):
        yield block
        yield from block.children or []


def links(path):
    for token in tokens(path):
        if token.type in ("link_open", "image"):
            yield token.attrGet("href") or token.attrGet("src")
        elif token.type in ("html_block", "html_inline"):
            yield from HTML_LINK.findall(token.content)


def anchors(path):
    """The fragments of a file on GitHub: a heading in lower case, with hyphens for
    spaces and without other punctuation. Equal headings are numbered."""
    found = set()
    parsed = list(tokens(path))
    for opening, content in zip(parsed, parsed[1:]):
        if opening.type == "heading_open":
            text = "".join(part.content for part in content.children)
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            number = 0
            while (f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(f"{slug}-{number}" if number else slug)
        elif content.type in ("html_block", "html_inline"):
            found.update(HTML_ANCHOR.findall(content.content))
    return found


def link_error(source, link):
    """What is wrong with a link, or None."""
    url = urlsplit(link)
    if url.scheme or url.netloc:
        return None
    target = (source.parent / unquote(url.path)).resolve() if url.path else source
    if not target.is_relative_to(ROOT) or not target.exists():
        return f"no such file: {link}"
    if url.fragment and target.suffix == ".md" and unquote(url.fragment) not in anchors(target):
        return f"no such heading: {link}"
    return None


def unlisted_decisions():
    folder = ROOT / "docs" / "adr"
    listed = {(folder / link).resolve() for link in links(folder / "README.md")}
    return [path for path in sorted(folder.glob("[0-9]*.md")) if path not in listed]


def main():
    files = list(markdown_files())
    errors = [
        f"{path.relative_to(ROOT)}: {error}"
        for path in files
        for link in links(path)
        if (error := link_error(path, link))
    ]
    errors += [
        f"docs/adr/README.md: does not list {path.name}" for path in unlisted_decisions()
    ]
    print("\n".join(errors) or f"the links of {len(files)} Markdown files resolve")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
