"""Does the shop look and feel right to somebody who only looks around?"""

from playwright.async_api import expect

from prober.journey import journey


@journey
async def look_around(page, step, params, page_name):
    product = params["product"]

    async with step("open the shop"):
        await page.goto("/")
        await expect(page.get_by_role("link", name=product)).to_be_visible()
        page_name("home")

    async with step("look at a product"):
        await page.get_by_role("link", name=product).click()
        await expect(page.get_by_role("heading", name=product)).to_be_visible()
        page_name("product")

    async with step("see its picture"):
        picture = page.get_by_role("img", name=product)
        await expect(picture).to_be_visible()
        await expect(picture).not_to_have_js_property("naturalWidth", 0)  # 0: it did not load

    async with step("put it into the basket"):  # a click that stays on the page: its INP
        await page.get_by_role("button", name="Add to basket").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{product} is in your basket")
