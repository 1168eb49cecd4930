// What every driver for Node starts with: the visit to tell of is its one argument, and
// it prints how many events of which name it handed to the client.

const { host, key, options, ...properties } = JSON.parse(process.argv[2]);
const sent = {};

/** The name, noted as handed to the client. */
export function recordSent(name) {
    sent[name] = (sent[name] ?? 0) + 1;
    return name;
}

/** Let *drive* hand the visit to a client, and print what it handed. */
export async function run(drive) {
    await drive({ host, key, options, ...properties });
    console.log(JSON.stringify(sent));
}
