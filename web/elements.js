// @ts-check
// Finds elements of index.html. A missing element is a bug, so it throws an error.

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function element(id) {
  return expected(document.getElementById(id), HTMLElement, `#${id}`);
}

/** @param {string} id */
export function dialog(id) {
  return expected(document.getElementById(id), HTMLDialogElement, `dialog #${id}`);
}

/** @param {string} id */
export function form(id) {
  return expected(document.getElementById(id), HTMLFormElement, `form #${id}`);
}

/**
 * A copy of the first element of a template.
 *
 * @param {string} id
 */
export function copyOf(id) {
  const template = expected(document.getElementById(id), HTMLTemplateElement, `template #${id}`);
  return expected(template.content.firstElementChild?.cloneNode(true), HTMLElement, `content of template #${id}`);
}

/**
 * The element with this `data-part` below another one.
 *
 * @param {ParentNode} parent
 * @param {string} name
 * @returns {HTMLElement}
 */
export function part(parent, name) {
  return expected(parent.querySelector(`[data-part="${name}"]`), HTMLElement, `part ${name}`);
}

/**
 * @template {Node} T
 * @param {unknown} found
 * @param {new () => T} type
 * @param {string} what
 * @returns {T}
 */
function expected(found, type, what) {
  if (found instanceof type) return found;
  throw new Error(`index.html has no ${what}`);
}
