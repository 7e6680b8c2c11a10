// The pages of a demonstration desk, with a reference of each kind that is really there.
import { until } from "./harness.mjs";

/** Waits until the desk of an earlier moment is built. */
export async function built(page, address) {
  await until(`${address} is built`, async () => (await page.goto(address, { waitUntil: "load" })).status() === 200);
}

export async function addresses(page, desk) {
  await page.goto(`${desk.base}/wacht`);
  const first = async (pattern) => {
    const links = await page.$$eval("a[href]", (found) => found.map((a) => a.getAttribute("href")));
    return links.map((href) => href.match(pattern)?.[0]).find(Boolean);
  };
  const report = await first(/M-[0-9A-Z]{4}-[0-9A-Z]{4}/);
  const mail = await page.locator("#queue a[data-row]").nth(1).getAttribute("data-row");
  await page.goto(`${desk.base}/incidenten`);
  const incident = await first(/I-[0-9A-Z]{4}-[0-9A-Z]{4}/);
  await page.goto(`${desk.base}/besturen`);
  const board = await first(/\/bestuur\/[0-9]{5}/);
  const then = "op=2022-12-14";
  await built(page, `${desk.base}/wacht?${then}`);
  // The first of the queue came by telephone, the second by mail: each shows what the other has not.
  return [
    "/wacht", "/wacht?kies=1", `/wacht?open=${report}`, `/melding/${report}`, `/melding/${mail}`, `/melding/${report}/antwoord`,
    ...["bij", "sluimer", "anders", "verbeter"].map((pane) => `/melding/${mail}?doe=${pane}`), "/meldingen", "/incidenten", "/incidenten/nieuw",
    ...["", "?tab=gesprek", "?tab=taken", "?tab=waarneembaren"].map((tab) => `/incident/${incident}${tab}`),
    "/uitgaand", "/uitgaand?stand=bounced", "/demo/post", "/zoek", "/zoek?q=versleuteld", "/zoek?q=nietsvandien", "/besturen", board, "/journaal",
    "/bewaring", "/instellingen", "/first-run/nazicht", "/toetsen", `/wacht?${then}`, `/journaal?${then}`, `/besturen?${then}`, "/telefoon",
    "/melden", "/melding/M-0000-0000",
  ];
}

/** Opens whatever is folded, so that it is looked at too; says whether there was anything. */
export const unfold = (page) =>
  page.evaluate(() => {
    const folded = [...document.querySelectorAll("main details:not([open])")];
    folded.forEach((one) => { one.open = true; });
    return folded.length > 0;
  });
