"""Reads a page as tests want it."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collects tags, attributes and the text of a page."""

    VOID = ("meta", "br", "use", "path", "link", "img")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self.unbalanced = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open[-1] != tag:
            self.unbalanced.append(tag)
        self.open.pop()

    def handle_data(self, data):
        self.text += f" {data}"

    @property
    def words(self):
        """The text, all space being one blank."""
        return " ".join(self.text.split())
