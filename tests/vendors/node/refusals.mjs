// Sends one event with Mixpanel's Node client, with and without its option `verbose`, and
// prints the error that the application gets.
import Mixpanel from "mixpanel";

const { host, keys } = JSON.parse(process.argv[2]);
const url = new URL(host);
const outcomes = {};
for (const verbose of [true, false]) {
    const client = Mixpanel.init(keys.mixpanel, {
        host: url.host,
        protocol: url.protocol.replace(":", ""),
        verbose,
    });
    const error = await new Promise((resolve) => client.track("x", { distinct_id: "u" }, resolve));
    outcomes[verbose ? "verbose" : "plain"] = String(error);
}
process.stdout.write(JSON.stringify(outcomes));
