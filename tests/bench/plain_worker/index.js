// The least that a Worker can do to answer with part of an object from its bucket.
const KEY = "pack";

export default {
  async fetch(request, env) {
    if (request.method === "PUT") {
      await env.SETS.put(KEY, await request.arrayBuffer());
      return new Response();
    }
    const parameters = new URL(request.url).searchParams;
    const range = { offset: Number(parameters.get("offset")), length: Number(parameters.get("length")) };
    const object = await env.SETS.get(KEY, { range });
    return object ? new Response(object.body) : new Response(null, { status: 404 });
  },
};
