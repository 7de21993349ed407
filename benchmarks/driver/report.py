"""What a run of scripts/bench.py leaves behind: a table on the terminal and in Markdown files."""

from driver.chart import shown


def _ms(value):
    return "" if value is None else shown(value)


def _number(value, form):
    return "" if value is None else format(value, form)


def _yes_no(value):
    return "" if value is None else "yes" if value else "no"


def _memory(row):
    memory = row["memory_mib"]
    return " / ".join(f"{memory[name]:.0f}" for name in ("mica", "torch") if name in memory)


def terminal_table(rows):
    """Everything measured, with the best of the peers alone."""
    lines = [
        ["row", "best", "ms", "mica ms", "spread", "ratio", "aim", "reached", "kernels", "error"]
        + ["MiB mica / torch"]
    ]
    for row in rows:
        best = min(row["peers"], key=row["peers"].get, default=None)
        lines.append(
            [
                row["name"],
                best or "",
                _ms(row["peers"].get(best)),
                _ms(row["mica_ms"]),
                _number(row["spread"].get("mica"), ".0%"),
                _number(row["ratio"], ".2f"),
                f"{row['aim']:.2f}",
                _yes_no(row["reached"]),
                _number(row["kernels"], "d"),
                _number(row["error"], ".0e"),
                _memory(row),
            ]
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = (0, 1)
    cell = lambda column, text: (
        text.ljust(widths[column]) if column in left else text.rjust(widths[column])
    )
    return "\n".join(
        "  ".join(cell(column, text) for column, text in enumerate(line)).rstrip()
        for line in lines
    )


def markdown_table(rows, peers):
    """The times of all, mica's ratio to the best, and the memory of training."""
    lines = [["row, ms", *peers, "mica", "ratio to best", "aim", "reached", "MiB mica / torch"]]
    for row in rows:
        lines.append(
            [
                row["name"],
                *(_ms(row["peers"].get(peer)) for peer in peers),
                _ms(row["mica_ms"]),
                _number(row["ratio"], ".2f"),
                f"{row['aim']:.2f}",
                _yes_no(row["reached"]),
                _memory(row),
            ]
        )
    return align(lines)


def align(lines):
    """A Markdown table; the first line is its head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        out.append("| " + " | ".join(cells) + " |")
    rules = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    out.insert(1, "| " + " | ".join(rules) + " |")
    return "\n".join(out)


def replace_section(path, text):
    """Puts the text between the markers that path holds."""
    begin, end = "<!-- bench: begin -->\n", "<!-- bench: end -->"
    before, _, rest = path.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path}: expected a section from '{begin.strip()}' to '{end}'")
    path.write_text(before + begin + text + end + after)
