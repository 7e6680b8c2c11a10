// An earlier moment, as a person looks at it: chosen in the journal, kept by every link, left again. Without script.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { axe, browser, demo, sizes, visit } from "./harness.mjs";
import { built } from "./pages.mjs";

let desk, chromium;
before(async () => { [desk, chromium] = await Promise.all([demo(), browser()]); });
after(async () => { await chromium?.close(); await desk?.stop(); });

for (const [name, size] of Object.entries(sizes)) {
  test(`a day is chosen, looked at and left without script: ${name}`, async () => {
    const page = await visit(chromium, desk, { javaScriptEnabled: false, size });
    await built(page, `${desk.base}/wacht?op=2022-12-14`);
    await page.goto(`${desk.base}/journaal`);
    await page.fill("#moment input[name=op]", "14 dec 2022");
    await Promise.all([page.waitForNavigation(), page.locator("#moment button").click()]);
    const band = page.locator(".moment");
    assert.match(await band.innerText(), /wo 14 dec 2022, einde van de dag, zoals we het nu weten/);
    const held = await page.locator("main a[href*='op=']").first().getAttribute("href");
    assert.match(held, /op=2022-12-14/, "links hold the day in one form, however it was typed");
    await page.goto(`${desk.base}/journaal?op=2022-12-14`);
    assert.equal(await page.locator("#moment input[name=op]").count(), 1, "another day can be chosen from an earlier one");
    await page.goto(`${desk.base}/incidenten?op=2022-12-14`);
    const links = await page.$$eval("main a[href^='/']", (all) => all.map((a) => a.getAttribute("href")));
    assert.ok(links.length > 0 && links.every((link) => link.includes("op=2022-12-14")), "links keep the moment");
    assert.equal(await page.locator("main form[method=post]").count(), 0, "nothing acts");
    await Promise.all([page.waitForNavigation(), page.locator(".moment > a.btn").click()]);
    assert.ok(!page.url().includes("op="), "back to now");
    assert.equal(await page.locator(".moment").count(), 0);
    await page.context().close();
  });
}

test("a position of the journal shows what was known then", async () => {
  const page = await visit(chromium, desk);
  await page.goto(`${desk.base}/journaal`);
  const address = await page.locator("td a[href*='bekend=']").last().getAttribute("href");
  await built(page, desk.base + address);
  assert.match(await page.locator(".moment").innerText(), /zoals we het wisten tot plaats/);
  assert.deepEqual(await axe(page), []);
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator(".moment-when").isVisible(), "the moment is printed");
  assert.ok(!(await page.locator(".moment-pick").isVisible()), "the form is not");
  await page.context().close();
});
