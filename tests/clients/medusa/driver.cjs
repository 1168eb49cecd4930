// Runs Medusa's real Analytics Module in its own process, with one command per line.
//
// In: {"start": options}, {"track": [data, …]}, {"identify": data}, {"shutdown": true}.
// Out: one line per command, {"done": true} or {"error": text}, and {"log": [level, text]}.
const path = require("node:path");
const readline = require("node:readline");

const [client] = process.argv.slice(2);
const requireFromClient = (name) => require(require.resolve(name, { paths: [client] }));
const { MedusaModule } = requireFromClient("@medusajs/framework/modules-sdk");
const { BigNumber, Modules } = requireFromClient("@medusajs/framework/utils");

const sendLine = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const levels = ["panic", "error", "warn", "info", "http", "verbose", "debug", "silly"];
const logger = Object.fromEntries(
  levels.map((level) => [level, (text) => sendLine({ log: [level, String(text?.message ?? text)] })])
);

let analytics;

async function start(options) {
  MedusaModule.clearInstances();
  const loaded = await MedusaModule.bootstrap({
    moduleKey: Modules.ANALYTICS,
    defaultPath: require.resolve("@medusajs/analytics", { paths: [client] }),
    declaration: {
      scope: "internal",
      options: { providers: [{ resolve: client, id: "millpond", options }] },
    },
    injectedDependencies: { logger },
  });
  analytics = loaded[Modules.ANALYTICS];
}

// {"$big": "59.90"} stands for a BigNumber, as in Medusa's own code.
const revive = (_key, value) => (value?.$big ? new BigNumber(value.$big) : value);

const actions = {
  start,
  track: async (all) => {
    for (const data of all) await analytics.track(data);
  },
  identify: (data) => analytics.identify(data),
  shutdown: () => analytics.__hooks.onApplicationShutdown(),
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [[name, argument]] = Object.entries(JSON.parse(line, revive));
    try {
      await actions[name](argument);
      sendLine({ done: true });
    } catch (error) {
      sendLine({ error: error.message });
    }
  }
}

main();
