"""The bar chart of a run: mica's time over that of the best of the others, a bar a row."""

from xml.sax.saxutils import escape

# Colours that keep their contrast on white and on black paper, and follow a viewer's dark mode.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .small { font-size: 11px; fill: #57606a; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #8c959f; stroke-width: 0.5; stroke-dasharray: 2 3; }
  .one { stroke: #57606a; stroke-width: 1; }
  .paper { fill: #ffffff; }
  .reached { fill: #1a7f6b; }
  .missed { fill: #bc4c00; }
  .aim { stroke: #1f2328; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9da7b1; }
    .grid { stroke: #6e7681; }
    .one { stroke: #9da7b1; }
    .paper { fill: #0d1117; }
    .reached { fill: #3fb99d; }
    .missed { fill: #f0883e; }
    .aim { stroke: #e6edf3; }
  }
"""

NAMES, BARS, FIGURES = 320, 400, 250  # widths of the columns
LINE, TOP, BOTTOM = 26, 72, 34


def svg(rows, note):
    """`rows` as in cpu.json; those without a ratio are left out."""
    rows = [row for row in rows if row["ratio"] is not None]
    most = max([1.1, *(max(row["ratio"], row["aim"]) * 1.05 for row in rows)])
    width, height = NAMES + BARS + FIGURES, TOP + LINE * len(rows) + BOTTOM
    x = lambda ratio: NAMES + BARS * ratio / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>mica's time over that of the best of the others</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        '<text class="title" x="16" y="26">Time of a step, mica over the best of the others</text>',
        '<text class="small" x="16" y="45">shorter is faster; the stroke is the aim</text>',
    ]
    bottom = TOP + LINE * len(rows)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        kind = "one" if tick in (0, 1) else "grid"
        out.append(
            f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 6}" '
            f'y2="{bottom}"/>'
            f'<text class="small" text-anchor="middle" x="{x(tick):.1f}" y="{TOP - 12}">{tick:g}'
            "</text>"
        )
    for place, row in enumerate(rows):
        y = TOP + LINE * place
        best = min(row["peers"], key=row["peers"].get)
        figures = f"{shown(row['mica_ms'])} ms, {best} {shown(row['peers'][best])} ms"
        out.append(
            f'<text text-anchor="end" x="{NAMES - 10}" y="{y + 17}">{escape(row["name"])}</text>'
            f'<rect class="{"reached" if row["reached"] else "missed"}" x="{NAMES}" y="{y + 4}" '
            f'width="{x(row["ratio"]) - NAMES:.1f}" height="{LINE - 8}" rx="2"/>'
            f'<line class="aim" x1="{x(row["aim"]):.1f}" x2="{x(row["aim"]):.1f}" y1="{y + 2}" '
            f'y2="{y + LINE - 2}"/>'
            f'<text x="{NAMES + BARS + 14}" y="{y + 17}">{row["ratio"]:.2f}</text>'
            f'<text class="small" x="{NAMES + BARS + 54}" y="{y + 17}">{escape(figures)}</text>'
        )
    out.append(f'<text class="small" x="16" y="{height - 12}">{escape(note)}</text>')
    return "\n".join([*out, "</svg>\n"])


def shown(ms):
    return f"{ms:.1f}" if ms >= 10 else f"{ms:.3g}"
