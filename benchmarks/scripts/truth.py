"""Opens pages of known behaviour, acts, and goes on at once: what was measured has to be there all the same."""

from playwright.sync_api import expect

from prober.journey import journey


@journey
def pages(page, step, page_name, params):  # type: ignore[no-untyped-def]  # as authors write it
    for name, query in params["pages"].items():
        with step(name):
            page.goto(f"/page?{query}", wait_until="load")
            page_name(name)
            if "shift" in query:
                expect(page).to_have_title("moved")
            if "handler" in query:
                page.get_by_role("button").click()
