// A `User-Agent` in two words, for people.

const BROWSERS = [[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Headless/, "Chromium"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"], [/curl\//, "curl"]];
const SYSTEMS = [[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];

const nameIn = (names, text) => names.find(([pattern]) => pattern.test(text))?.[1];

export function deviceOf(agent) {
  if (!agent) return "Unknown device";
  const [browser, system] = [nameIn(BROWSERS, agent), nameIn(SYSTEMS, agent)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? agent.slice(0, 60);
}
