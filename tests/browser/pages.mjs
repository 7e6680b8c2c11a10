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
  await page.goto(`${desk.base}/incidenten`);
  const incident = await first(/I-[0-9A-Z]{4}-[0-9A-Z]{4}/);
  await page.goto(`${desk.base}/besturen`);
  const board = await first(/\/bestuur\/[0-9]{5}/);
  const then = "op=2022-12-14";
  await built(page, `${desk.base}/wacht?${then}`);
  return [
    "/wacht", `/wacht?open=${report}`, `/melding/${report}`, `/melding/${report}/antwoord`, "/meldingen", "/incidenten", "/incidenten/nieuw",
    `/incident/${incident}`, "/uitgaand", "/demo/post", "/zoek", "/zoek?q=versleuteld", "/besturen", board, "/journaal", "/bewaring", "/instellingen",
    "/toetsen", `/wacht?${then}`, `/journaal?${then}`, `/besturen?${then}`, "/telefoon", "/melden", "/melding/M-0000-0000",
  ];
}
