"""The modules of the page as one."""

from __future__ import annotations

import pytest

from heartwire.streams.dashboard.one_module import one_module

MODULES = {
    "first.js": 'import { twice, size as mine } from "./deep.js";\nimport { name } from "./other.js";\nlet size;\n',
    "other.js": 'import { twice } from "./deep.js";\nexport const name = "n";\nexport class Other {}\n',
    "deep.js": "let kept = 0;\nexport const size = 3;\nexport async function twice() {}\n",
}


def test_each_module_stands_once_and_after_those_that_it_imports() -> None:
    blocks = [line for line in one_module(MODULES, "first.js").splitlines() if line.startswith("{ // ")]
    assert blocks == ["{ // deep.js", "{ // other.js", "{ // first.js"]


def test_names_are_handed_on_and_each_module_keeps_its_own() -> None:
    whole = one_module(MODULES, "first.js")
    assert 'modules["deep.js"] = { size, twice };' in whole
    assert 'modules["other.js"] = { name, Other };' in whole
    assert 'const { twice, size: mine } = modules["deep.js"];' in whole


@pytest.mark.parametrize("line", ['import * as all from "./deep.js";', "export default 1;", 'import("./deep.js");'])
def test_another_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"first\.js: this form is not known here"):
        one_module({**MODULES, "first.js": f"{line}\n"}, "first.js")
