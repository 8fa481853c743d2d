"""`outdo check`."""

import os
import shutil
import sys
import time

import click
from msgspec import json

from outdo.app.output import write
from outdo.app.report import html, report, results
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.cli.saving import save
from outdo.cli.verdicts import told
from outdo.core.errors import Usage
from outdo.core.report.junit import junit
from outdo.core.report.markdown import markdown
from outdo.core.report.told import Report, plainly

EXAMPLES = """
\b
Examples:
  outdo check                        all checks and gates of outdo.yaml
  outdo check data/train.parquet     those of one path
  outdo check delay                  the gates of a model, beside the champion
  outdo check data/new.csv --save    a look at a table, and checks of it to edit
  outdo check --html check.html      and one page with plots
  outdo check --junit check.xml      and a file for a CI server
  outdo check --markdown             for a pull request
  outdo check --json                 for a program
"""


@click.command(
    epilog=EXAMPLES,
    help="Judge data and models by outdo.yaml's checks and gates. Exits with 1 unless all pass.",
)
@click.argument("words", nargs=-1, metavar="[PATH|MODEL]...")
@click.option("--force", "-f", is_flag=True, help="Look again at what was judged before; write over checks.")
@click.option(
    "--save", "saving", is_flag=True, help="Write checks that the tables at PATH pass, to edit them."
)
@click.option("--to", metavar="FILE", help="Where --save writes them: a schema, not outdo.yaml.")
@click.option("--html", "page", metavar="FILE", help="Write one page with plots, too.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write JUnit XML, too.")
@click.option("--gx", metavar="FILE", help="Write the results of suites as Great Expectations does, too.")
@click.option("--markdown", "--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    words: tuple[str, ...], force: bool, as_markdown: bool, as_json: bool, saving: bool, **files: str | None
) -> int:
    to = files.pop("to")
    if saving or to:
        return save(os.curdir, words, to, force=force)
    if as_json and as_markdown:
        raise Usage("--markdown and --json exclude each other", fix="outdo check --help")
    found = report(os.curdir, words, force=force)
    good = found.good
    if as_json:
        status = "ok" if good else "failed"
        print(json.encode({"schema": "outdo.check/1", "status": status, "data": plainly(found)}).decode())
    elif as_markdown:
        print(markdown(found), end="")
    else:
        width = shutil.get_terminal_size().columns if is_live(sys.stdout) else None
        print(*told(found.judged, Paint(sys.stdout), width), sep="\n")
    sys.stdout.flush()
    _write(found, **files)
    return 0 if good else 1


def _write(found: Report, page: str | None, junit_file: str | None, gx: str | None) -> None:
    now = time.time()
    if page:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
        write(page, html(os.curdir, found, when).encode())
    if junit_file:
        write(junit_file, junit(found, now).encode())
    if gx:
        write(gx, results(os.curdir, found).encode())
    for written in filter(None, (page, junit_file, gx)):
        say(f"wrote {plain(written)}")
