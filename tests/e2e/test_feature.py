"""A feature's page and an X-ray's page in a real browser: interval, keys, addresses, and the way from one to the other."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace
from tests.e2e.browser import Server, settle


def frequent(workspace: Workspace) -> int:
    features = ActivationStore(workspace.activations_db).features()
    return int(features.sort_values("n_images", ascending=False)["feature_id"].iloc[0])


TOGETHER = """() => {
  const lo = new URL(location.href).searchParams.get("lo");
  const said = [...document.querySelectorAll(".quiet")].find(e => /training X-rays of .* patients from/.test(e.textContent));
  return lo && said?.textContent.includes(` from ${Number(lo).toFixed(2)} `) ? [said.textContent, location.href] : false;
}"""


def test_an_interval_goes_into_the_address_and_comes_back(server: Server, page: Page, tiny_workspace: Workspace):
    page.goto(f"{server.url}/features?ws=tiny&feature={frequent(tiny_workspace)}")
    settle(page)
    whole = page.locator(".xrays").first.locator("figure").count()
    said = page.get_by_text(re.compile(r"training X-rays of .* patients from"))
    before = said.inner_text()
    thumb = page.get_by_role("slider", name="Interval of activation").first
    thumb.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"lo="))
    expect(said).not_to_have_text(before)
    # Each step of the slider may be a run of its own: words and address are read at one moment, when they agree.
    chosen, address = page.wait_for_function(TOGETHER).json_value()
    assert page.locator(".xrays").first.locator("figure").count() <= whole
    page.goto(address)
    settle(page)
    expect(said).to_have_text(chosen)


def test_keys_move_between_features_and_forget_the_interval(server: Server, page: Page, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    page.goto(f"{server.url}/features?ws=tiny&feature={feature}&lo=0.1")
    settle(page)
    page.locator(".hero").click()
    page.keyboard.press("u")
    page.wait_for_function("f => !location.search.includes(`feature=${f}`)", arg=str(feature))
    assert "lo=" not in page.url
    settle(page)
    expect(page.locator(".hero")).to_have_text("Not described")
    page.keyboard.press("d")
    expect(page.locator(".hero")).not_to_have_text("Not described")


def test_an_x_ray_leads_to_its_features_and_back(server: Server, page: Page, tiny_workspace: Workspace):
    feature = frequent(tiny_workspace)
    page.goto(f"{server.url}/features?ws=tiny&feature={feature}")
    settle(page)
    page.locator(".xrays .frame").first.click()
    page.wait_for_url(re.compile(r"/xray\?.*image="))
    settle(page)
    expect(page.locator(".heading", has_text="Active features")).to_be_visible()
    expect(page.locator("tr.on")).to_contain_text(f"#{feature}")
    picture = page.locator(".frame.big img")
    assert picture.evaluate("image => image.naturalWidth > 0")
    page.locator("tr.on a").click()
    page.wait_for_url(re.compile(rf"feature={feature}.*image=|image=.*feature={feature}"))
    settle(page)
    expect(page.locator(".js-plotly-plot").first).to_contain_text("this X-ray")


def test_a_box_over_the_bars_chooses_an_interval(server: Server, page: Page, tiny_workspace: Workspace):
    page.goto(f"{server.url}/features?ws=tiny&feature={frequent(tiny_workspace)}")
    settle(page)
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    expect(plot).to_be_visible()
    page.wait_for_timeout(1_500)
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40)
    page.mouse.down()
    for part in (0.65, 0.75, 0.9):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + 70)
        page.wait_for_timeout(150)
    page.mouse.up()
    # The lower end is the rule's threshold where the box begins below it, which the address needn't say.
    page.wait_for_url(re.compile(r"hi="))
