import Analytics from "@rudderstack/rudder-sdk-node";

import { tellTo } from "./calls.mjs";
import { run } from "./visit.mjs";

await run(async ({ host, key, options, ...visit }) => {
    const client = new Analytics(key, {
        dataPlaneUrl: host,
        logLevel: "none",
        ...options,
    });
    tellTo(client, visit);
    await client.flush();
});
