"""Copies the pages into FOLDER, and the files that they link to, so that each link leads to a copy.

The pages are written for GitHub and for rustdoc. What MkDocs reads differently is rewritten in the copy: the
attributes and hidden lines of Rust blocks, lists without an empty line before them, and links that rustdoc resolves.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def rewritten_block(block: str) -> str:
    head, *lines, end = block.splitlines()
    if head.startswith("```rust") or head == "```compile_fail":
        lines = [line for line in lines if line != "#" and not line.startswith("# ")]
        head = "```rust"
    return "\n".join([head, *lines, end])


def rewritten(text: str, schemes: dict[str, str]) -> str:
    blocks: list[str] = []

    def keep(found: re.Match) -> str:
        blocks.append(rewritten_block(found[0]))
        return f"\0{len(blocks) - 1}\0"

    text = FENCE.sub(keep, text)
    text = re.sub(r"^((?!- |\d+\. |  ).+)\n(- |1\. )", r"\1\n\n\2", text, flags=re.MULTILINE)
    text = re.sub("\0(\\d+)\0", lambda found: f"\n{blocks[int(found[1])]}\n", text)
    links = [f"[{name}]: {to}" for name, to in schemes.items() if f"[{name}]" in text and f"[{name}]:" not in text]
    return "\n".join([text, *links, ""])


def main(folder: Path) -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    todo = [ROOT / name for name in re.findall(r"([\w/.-]+\.md)$", config, re.MULTILINE)]
    todo += (ROOT / "docs").rglob("*.md")
    schemes = [file.stem for file in (ROOT / "portcullis/docs/schemes").glob("*.md")]
    done: set[Path] = set()
    while todo:
        file = todo.pop()
        if file in done:
            continue
        done.add(file)
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".md":
            shutil.copy(file, copy)
            continue
        text = file.read_text(encoding="utf-8")
        links = [file.parent / link for link in re.findall(r"\]\(([^)\s#:]+)", FENCE.sub("", text))]
        todo += [link.resolve() for link in links if link.is_file()]
        here = "" if file.parent.name == "schemes" else "schemes/"
        is_of_library = "portcullis/docs" in str(file)
        names = {name.replace("-", "_"): f"{here}{name}.md" for name in schemes if is_of_library}
        copy.write_text(rewritten(text, names), encoding="utf-8")


main(Path(sys.argv[1]))
