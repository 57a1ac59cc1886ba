// The edge as the admin sees it: which picture has which answer.

const RECORD = 512;
const text = new TextDecoder();

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with \`cargo xtask test browser\``);
  return value;
}

export const ADDRESS = required("PARALLAX_ADDRESS");
const ADMIN_KEY = required("PARALLAX_ADMIN_KEY");

/** The regular files of a ustar archive, by name. */
function untar(archive) {
  const files = new Map();
  for (let at = 0; at + RECORD <= archive.length && archive[at] !== 0; ) {
    const field = (from, to) => text.decode(archive.subarray(at + from, at + to)).replace(/\0.*$/s, "");
    const size = Number.parseInt(field(124, 136), 8);
    files.set(field(0, 100), archive.subarray(at + RECORD, at + RECORD + size));
    at += RECORD + Math.ceil(size / RECORD) * RECORD;
  }
  return files;
}

/** Answers of the set that is served: base64 of a picture's bytes -> label. */
export async function answers() {
  const reply = await fetch(`${ADDRESS}/admin/v1/sets/current/export`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  if (!reply.ok) throw new Error(`export: ${reply.status} ${await reply.text()}`);
  const files = untar(new Uint8Array(await reply.arrayBuffer()));
  const rows = text.decode(files.get("labels.csv")).trim().split("\n").slice(1);
  return new Map(
    rows.map((row) => {
      const [file, label] = row.split(",");
      return [Buffer.from(files.get(file)).toString("base64"), label];
    }),
  );
}
