// el makes an element. Everything that comes from the server goes in as text.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "style") node.style.cssText = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.startsWith("data-") || key.startsWith("aria-") || key === "role" || key === "for") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// post asks the server, with the reader's choices as the body.
export async function post(path, query, body, signal) {
  const response = await fetch(`api/${path}?${new URLSearchParams(query)}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
  });
  return answer(response);
}

// get asks the server without choices.
export async function get(path) {
  return answer(await fetch(`api/${path}`, { headers: { Accept: "application/json" } }));
}

async function answer(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const error = new Error(body?.error ?? `the server answered ${response.status} ${response.statusText}`);
  throw Object.assign(error, { status: response.status });
}
