"""`fairtoll card`: a section for a model card, from the results in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def card(
    run: Annotated[Path, typer.Argument(help="Folder of a run or an audit.", metavar="FOLDER")],
    arm: Annotated[str | None, typer.Option(help="Whose card it is; may be left out where there is one arm.")] = None,
    hugging_face: Annotated[
        bool, typer.Option("--hugging-face", help="Begin with the metadata block that Hugging Face reads.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Name of the model in that block. Default: the arm's title.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Task in that block. Default: tabular-classification or image-classification.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
) -> None:
    """Print what a model card says of one arm's fairness and robustness, as Markdown."""
    from fairtoll.findings.results import Results
    from fairtoll.report import render_card, render_model_index
    from fairtoll.storage.files import make_folder, write_text

    results = Results.read(run / "results.json")
    text = render_card(results, arm=arm)
    if hugging_face:
        text = f"{render_model_index(results, arm=arm, model=model, task=task)}\n{text}"
    if out is None:
        typer.echo(text, nl=False)
    else:
        make_folder(out.parent)
        write_text(text, out)
        print(f"Card: {out}")
