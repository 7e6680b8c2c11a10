// The pages of a demonstration desk, with a reference of each kind that is really there.
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
  return [
    "/wacht", `/wacht?open=${report}`, `/melding/${report}`, `/melding/${report}/antwoord`, "/meldingen", "/incidenten", "/incidenten/nieuw",
    `/incident/${incident}`, "/uitgaand", "/demo/post", "/zoek", "/zoek?q=versleuteld", "/besturen", board, "/journaal", "/instellingen",
    "/toetsen", "/telefoon", "/melden", "/melding/M-0000-0000",
  ];
}
