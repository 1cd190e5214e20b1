"""A report to be filed: one page with all there is to say, as HTML, Markdown or JSON."""
