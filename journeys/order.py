"""Can a customer buy something? Whatever it ordered, the journey cancels again."""

from playwright.sync_api import expect

from prober.journey import journey


def cancel(context, run_id):
    """The shop knows an order by its note, so this works whether or not the click came through."""
    context.request.delete(f"/api/orders/{run_id}", fail_on_status_code=True)


@journey
def place_order(page, context, step, params, secrets, cleanup, page_name, run_id):
    with step("sign in"):
        page.goto("/login?next=/")
        page.get_by_label("Email").fill(params["user"])
        page.get_by_label("Password").fill(secrets["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    with step("fill the basket"):
        page.goto(f"/products/{params['sku']}")
        expect(page.get_by_role("button", name="Add to basket")).to_be_visible()
        page_name("product")  # instead of /products/:id, for the vitals of this page
        page.get_by_label("Quantity").select_option("2")
        page.get_by_role("button", name="Add to basket").click()
        expect(page.get_by_role("status")).to_contain_text("is in your basket")

    with step("check out"):
        page.get_by_role("link", name="Basket").click()
        page.get_by_role("link", name="Go to checkout").click()
        expect(page.get_by_role("heading", name="Checkout")).to_be_visible()

    with step("place the order"):
        page.get_by_label("Note").fill(run_id)
        cleanup("cancel the order", cancel, context, run_id)  # before the click that needs it
        page.get_by_role("button", name="Buy").click()
        expect(page.get_by_text("Thank you!")).to_be_visible()
        page_name("confirmation")
