// Every page, light and dark, phone and desktop, Dutch and English: no violation, nothing sideways, nothing asked of others.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { axe, browser, demo, language, sizes, visit } from "./harness.mjs";
import { addresses, unfold } from "./pages.mjs";

let desk, chromium;
before(async () => { [desk, chromium] = await Promise.all([demo(), browser()]); });
after(async () => { await chromium?.close(); await desk?.stop(); });

for (const tag of ["nl", "en"]) {
  for (const [name, size] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      test(`pages hold: ${tag}, ${name}, ${colorScheme}`, async () => {
        const page = await visit(chromium, desk, { size, colorScheme });
        await language(page, desk, tag);
        const wrong = [];
        for (const address of await addresses(page, desk)) {
          page.wrong.length = 0;
          await page.goto(desk.base + address, { waitUntil: "load" });
          await unfold(page);
          const missing = address === "/melding/M-0000-0000";
          wrong.push(...(await axe(page)).map((line) => `${address}: ${line}`));
          wrong.push(...page.wrong.filter((w) => !(missing && w.includes("404"))).map((line) => `${address}: ${line}`));
          const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          if (sideways > 0) wrong.push(`${address}: ${sideways} px sideways`);
          if (!(await page.content()).includes(tag === "nl" ? "demo, verzonnen" : "demo")) wrong.push(`${address}: no mark of the demonstration`);
          const said = await page.evaluate(() => document.documentElement.lang);
          if (address !== "/melden" && said !== tag) wrong.push(`${address}: its language is ${said}`);
        }
        await page.context().close();
        assert.deepEqual(wrong, []);
      });
    }
  }
}

for (const [name, size] of Object.entries(sizes)) {
  test(`the public page holds in every language: ${name}`, async () => {
    const opened = await chromium.newContext({ viewport: size });
    const page = await opened.newPage();
    const wrong = [];
    for (const tag of ["nl", "en", "fr", "de"]) {
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.goto(`${desk.base}/melden?taal=${tag}`, { waitUntil: "load" });
        wrong.push(...(await axe(page)).map((line) => `${tag}, ${colorScheme}: ${line}`));
        const found = await page.evaluate(() => ({ sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth, lang: document.documentElement.lang }));
        if (found.sideways > 0 || found.lang !== tag) wrong.push(`${tag}: ${JSON.stringify(found)}`);
      }
    }
    await opened.close();
    assert.deepEqual(wrong, []);
  });
}

test("the menu of a phone holds when it is open, and moves nothing", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await visit(chromium, desk, { size: sizes.phone, colorScheme });
    await language(page, desk, "nl");
    await page.goto(`${desk.base}/wacht`);
    const places = () => Promise.all([".menu summary", "h1"].map((one) => page.locator(one).first().boundingBox()));
    const before = await places();
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Meld af" }).last().waitFor({ state: "visible" });
    assert.deepEqual(await places(), before);
    assert.deepEqual(await axe(page), []);
    await page.context().close();
  }
});
