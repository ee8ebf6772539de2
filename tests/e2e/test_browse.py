"""Browse in a real browser: a deep link first, then lists, features, the map."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.browser import Server, settle


def test_a_deep_link_as_the_first_request_shows_the_page_in_its_shell(server: Server, page: Page):
    # First in this file, and the server is fresh: nobody has asked it for the start page.
    page.goto(f"{server.url}/features?ws=tiny&feature=3")
    settle(page)
    expect(page.locator(".brand")).to_have_text("SAE-Rad")
    expect(page.locator(".research")).to_contain_text("Research use only")
    expect(page.locator(".eyebrow")).to_contain_text("#3")
    expect(page.locator(".menu a.on")).to_have_text("Features")


def test_the_list_searches_filters_and_opens_a_feature(server: Server, page: Page):
    page.goto(f"{server.url}/features?ws=tiny")
    settle(page)
    rows = page.locator("a.feature")
    everything = rows.count()
    assert everything > 0
    number = re.sub(r"\D", "", rows.nth(min(2, everything - 1)).locator(".id").inner_text())
    page.keyboard.press("/")
    page.keyboard.type(f"#{number}")
    page.keyboard.press("Enter")
    expect(page.locator(f'a.feature[href$="feature={number}"]')).to_be_visible()
    page.wait_for_url("**q=*")
    page.reload()
    settle(page)
    expect(page.locator(f'a.feature[href$="feature={number}"]')).to_be_visible()
    page.locator(f'a.feature[href$="feature={number}"]').first.click()
    page.wait_for_url(f"**feature={number}*")
    expect(page.locator(".eyebrow")).to_contain_text(f"#{number}")


def test_a_search_without_an_answer_says_what_to_do(server: Server, page: Page):
    page.goto(f"{server.url}/features?ws=tiny&q=zzzz")
    settle(page)
    expect(page.locator(".empty")).to_contain_text("Take out a word")


def test_a_feature_shows_x_rays_neighbours_and_moves_by_key(server: Server, page: Page):
    page.goto(f"{server.url}/features?ws=tiny&sort=frequent")
    settle(page)
    page.locator("a.feature").first.click()
    expect(page.locator(".eyebrow")).to_contain_text("#")
    settle(page)
    frames = page.locator(".xrays .frame img:not(.heat)")
    expect(frames.first).to_have_js_property("naturalWidth", 224)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    # Off until asked.
    assert page.locator("img.heat[src]").count() == 0
    before = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => location.href !== before", arg=before)
    settle(page)
    page.go_back()
    page.wait_for_url(before)
    settle(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_heatmaps_come_when_asked(server: Server, page: Page):
    page.goto(f"{server.url}/features?ws=tiny&sort=frequent")
    settle(page)
    page.locator("a.feature").first.click()
    expect(page.locator(".eyebrow")).to_contain_text("#")
    settle(page)
    with page.expect_response(re.compile(r"/heat/\d+/")) as answer:
        page.get_by_text("Heatmap", exact=True).click()
    assert answer.value.status == 200
    assert answer.value.headers["content-type"] == "image/png"
    expect(page.locator("img.heat").first).to_be_visible()


def test_every_page_of_the_menu_opens_without_an_error(server: Server, page: Page):
    page.goto(f"{server.url}/?ws=tiny")
    settle(page)
    for title in ("Features", "X-rays", "Atlas", "Curate", "Report", "Evaluate", "Overview"):
        page.locator(".menu").get_by_text(title, exact=True).click()
        expect(page.locator(".menu a.on")).to_have_text(title)
        settle(page)
        assert page.locator('[data-testid="stException"]').count() == 0
        assert "ws=tiny" in page.url


def test_an_unknown_feature_or_workspace_is_one_sentence(server: Server, page: Page):
    page.goto(f"{server.url}/features?ws=tiny&feature=999999")
    settle(page)
    expect(page.locator('[data-testid="stAlert"]')).to_contain_text("There is no feature")
    page.goto(f"{server.url}/?ws=nowhere")
    settle(page)
    expect(page.locator(".empty")).to_contain_text("There is no workspace called nowhere")


def drawn(page: Page) -> list[str]:
    """What the map says of its last picture: points, address of their colours, how many are lit ("all": no choice)."""
    page.wait_for_selector(".a canvas[data-drawn]")
    return (page.locator(".a canvas").get_attribute("data-drawn") or "").split()


def draw_around(page: Page, left: float, right: float) -> None:
    """A lasso from one share of the map's width to another, over nearly all of its height."""
    box = page.locator(".a canvas").bounding_box()
    assert box is not None
    corners = [(left, 0.02), (right, 0.02), (right, 0.5), (right, 0.98), (left, 0.98), (left, 0.04)]
    for number, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_lasso_on_the_map_makes_a_list_that_can_be_shared(server: Server, page: Page):
    page.goto(f"{server.url}/atlas?ws=tiny")
    settle(page)
    assert drawn(page)[2] == "all"
    draw_around(page, 0.01, 0.99)
    rows = page.locator("a.feature")
    expect(rows.first).to_be_visible()
    everything = int(page.locator(".heading b").first.inner_text().replace("\N{NARROW NO-BREAK SPACE}", ""))
    assert drawn(page)[2] == str(everything) == drawn(page)[0]
    draw_around(page, 0.01, 0.5)
    page.wait_for_function("all => document.querySelector('.heading b').textContent !== all", arg=str(everything))
    some = page.locator(".heading b").first.inner_text()
    # The browser and the server tell the same points.
    assert drawn(page)[2] == some and 0 < int(some) < everything
    page.wait_for_url("**area=*")
    page.reload()
    settle(page)
    expect(page.locator(".heading b").first).to_have_text(some)
    assert drawn(page)[2] == some
    page.get_by_role("button", name="To the desk").click()
    page.wait_for_url(re.compile(r"/curate\?.*part=many"))
    settle(page)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    # All of it is chosen already: with a word there is something to do.
    page.get_by_label("Tag, list or name").fill("circled")
    page.get_by_label("Tag, list or name").press("Enter")
    expect(page.get_by_role("button", name="Tag", exact=True)).to_be_enabled()


def test_the_map_lights_up_what_is_searched_for_and_answers_keys(server: Server, page: Page):
    page.goto(f"{server.url}/atlas?ws=tiny&colour=frequency")
    settle(page)
    assert "/colours/frequency" in drawn(page)[1]
    expect(page.locator(".a .legend")).to_contain_text("Frequency")
    search = page.locator(".st-key-search input")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    search.press_sequentially("left")
    page.keyboard.press("Enter")
    expect(page.locator("a.feature").first).to_be_visible()
    found = page.locator(".heading b").first.inner_text()
    expect(page.locator(".a canvas")).to_have_attribute("data-drawn", re.compile(rf" {found}$"))
    page.locator(".a canvas").focus()
    page.keyboard.press("+")
    page.wait_for_url("**view=map_*")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.wait_for_url("**area=*")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !location.search.includes('area=')")
    expect(page.locator(".heading b").first).to_have_text(found)
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="Status", exact=True).click()
    page.wait_for_url("**colour=status*")
    expect(page.locator(".a .legend b")).to_have_text("Status")


def test_the_theme_is_dark_until_the_reader_chooses_and_stays_for_all_pages(server: Server, page: Page):
    page.emulate_media(color_scheme="light")
    page.goto(f"{server.url}/?ws=tiny")
    settle(page)
    background = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    assert page.evaluate(background) == "rgb(14, 16, 19)"
    page.locator('[data-testid="stMainMenu"] button').click()
    page.get_by_test_id("stMainMenuItem-theme-Light").click()
    page.wait_for_function(f"({background})() === 'rgb(252, 252, 251)'")
    page.goto(f"{server.url}/features?ws=tiny")
    settle(page)
    assert page.evaluate(background) == "rgb(252, 252, 251)"
