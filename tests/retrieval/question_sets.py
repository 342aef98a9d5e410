"""Reads the sets of questions. README.md describes their files."""

import dataclasses
import html
import pathlib
import re
import shutil
import subprocess
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent / "sets"
# Separates the messages of a follow-up question.
NEXT_MESSAGE = " >> "
ENDINGS = (".html", ".md")


@dataclasses.dataclass
class Question:
    line: int
    kind: str
    # The messages of the visitor. The answer to the last one is measured.
    messages: list[str]
    # The pages that answer the question. Empty if no page does.
    pages: list[str]
    # A full answer contains the fact.
    fact: re.Pattern

    @property
    def is_follow_up(self) -> bool:
        return len(self.messages) > 1


@dataclasses.dataclass
class QuestionSet:
    name: str
    settings: dict
    questions: list[Question]

    @property
    def package(self) -> str | None:
        """The Debian package of the pages, unless they are in the repository."""
        return self.settings.get("package")

    @property
    def base_url(self) -> str:
        return f"https://{self.name}.example/"

    def copy_pages(self, packages: pathlib.Path, target: pathlib.Path) -> None:
        """Copies the pages of the set into a new folder. `packages` has the packages."""
        if self.package is None:
            shutil.copytree(FOLDER / self.name / "pages", target)
            return
        root = extracted_package(self.package, packages) / self.settings["root"]
        for path in matching_files(root, self.settings):
            copy = target / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def matching_files(root: pathlib.Path, settings: dict) -> list[pathlib.Path]:
    excluded = {path for pattern in settings.get("exclude", []) for path in root.glob(pattern)}
    included = {path for pattern in settings["include"] for path in root.glob(pattern)}
    return sorted(included - excluded)


def extracted_package(package: str, folder: pathlib.Path) -> pathlib.Path:
    """Downloads a Debian package, unless it is in the folder, and unpacks it there."""
    target = folder / package
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = download_package(package, folder)
        partial = folder / f"{package}.partial"
        subprocess.run(["dpkg", "-x", archive, partial], check=True)
        archive.unlink()
        partial.rename(target)
    return target


def download_package(package: str, folder: pathlib.Path) -> pathlib.Path:
    for path in folder.glob(f"{package}_*.deb"):
        path.unlink()
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
    if subprocess.run(command, cwd=folder, stderr=subprocess.DEVNULL).returncode:
        # A new container has no list of packages.
        subprocess.run(["apt-get", "update", "-qq"], stdin=subprocess.DEVNULL, check=True)
        subprocess.run(command, cwd=folder, check=True)
    [archive] = folder.glob(f"{package}_*.deb")
    return archive


def read_set(name: str) -> QuestionSet:
    settings = tomllib.loads((FOLDER / name / "set.toml").read_text(encoding="utf-8"))
    lines = (FOLDER / name / "questions.tsv").read_text(encoding="utf-8").splitlines()
    questions = [read_question(number, line) for number, line in enumerate(lines, 1) if number > 1]
    return QuestionSet(name, settings, questions)


def read_question(number: int, line: str) -> Question:
    kind, text, pages, fact = (line.split("\t") + ["", ""])[:4]
    names = [page for page in pages.split("|") if page]
    pattern = re.compile(fact, re.IGNORECASE)
    return Question(number, kind, text.split(NEXT_MESSAGE), names, pattern)


def set_names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/set.toml"))


def plain_text(text: str) -> str:
    """Removes the markup that can interrupt a fact."""
    text = re.sub(r"[*`\\\u00ad\u200b]", "", text)
    return re.sub(r"\s+", " ", text)


def problems(questions: QuestionSet, pages: pathlib.Path) -> list[str]:
    """Returns the questions that name a missing page, or a fact that no page has."""
    found = []
    for question in questions.questions:
        names = [page + ending for page in question.pages for ending in ENDINGS]
        paths = [pages / name for name in names if (pages / name).exists()]
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
        texts = [plain_text(html.unescape(re.sub(r"<[^>]*>", "", text))) for text in texts]
        if len(paths) != len(question.pages):
            found.append(f"{questions.name}, line {question.line}: a page is missing")
        elif texts and not any(question.fact.search(text) for text in texts):
            found.append(f"{questions.name}, line {question.line}: no page has the fact")
    return found
