"""Can a customer sign in, and out again?"""

from playwright.sync_api import expect

from prober.journey import journey


@journey
def sign_in_and_out(page, step, params, secrets):
    with step("open the sign in page"):
        page.goto("/login")  # relative to the check's base_url
        expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()

    with step("sign in"):
        page.get_by_label("Email").fill(params["user"])
        page.get_by_label("Password").fill(secrets["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    with step("sign out"):
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
