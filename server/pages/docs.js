"use strict";
const said = document.getElementById("said");
const place = document.getElementById("operations");

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function table(rows) {
  return element("table", "", ...rows.map(([name, text]) => element("tr", "", element("td", name), element("td", text))));
}

/** A schema as an example of JSON, its references followed. */
function example(schema, schemas, depth = 0) {
  if (!schema || depth > 6) return null;
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref) return example(schemas[schema.$ref.split("/").pop()], schemas, depth + 1);
  const choice = schema.oneOf || schema.anyOf;
  if (choice) return example(choice.find((one) => one.type !== "null") || choice[0], schemas, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => example(part, schemas, depth + 1)));
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array") return [example(schema.items, schemas, depth + 1)];
  if (type === "object" || schema.properties) {
    const parts = Object.entries(schema.properties || {});
    return Object.fromEntries(parts.map(([name, part]) => [name, example(part, schemas, depth + 1)]));
  }
  return { string: "…", integer: 0, number: 0, boolean: false }[type] ?? null;
}

function operation(path, method, it, schemas) {
  const article = element("article", "", element("h3", "", element("span", method), ` ${path}`));
  article.append(element("p", [it.summary, it.description].filter(Boolean).join(" ")));
  if (it.parameters) article.append(table(it.parameters.map((one) => [one.name, one.description || ""])));
  const kinds = Object.entries(it.requestBody?.content || {});
  for (const [kind, { schema }] of kinds) {
    article.append(element("p", `Body: ${kind}`));
    if (kind === "application/json") article.append(element("pre", JSON.stringify(example(schema, schemas), null, 2)));
  }
  article.append(table(Object.entries(it.responses).map(([status, one]) => [status, one.description])));
  const schema = it.responses["200"]?.content?.["application/json"]?.schema;
  if (schema) article.append(element("pre", JSON.stringify(example(schema, schemas), null, 2)));
  return article;
}

function show(api) {
  const schemas = api.components?.schemas || {};
  const tags = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, it] of Object.entries(methods)) {
      const tag = it.tags?.[0] || "other";
      if (!tags.has(tag)) tags.set(tag, []);
      tags.get(tag).push(operation(path, method, it, schemas));
    }
  }
  place.replaceChildren();
  for (const [tag, articles] of tags) place.append(element("section", "", element("h2", tag), ...articles));
}

document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = document.getElementById("token").value.trim();
  try {
    const answer = await fetch("/openapi.json", { headers: { Authorization: `Bearer ${token}` } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error.message);
    show(body);
    said.textContent = "";
  } catch (error) {
    said.textContent = error.message;
  }
});
