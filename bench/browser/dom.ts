/**
 * The few parts of a browser's document that the page uses. Deno's types have none of them, and the library of all of them
 * would be everywhere in the project.
 *
 * @module
 */

/** An element. */
export interface Element {
  textContent: string | null;
  hidden: boolean;
  className: string;
  readonly style: { height: string };
  append(...children: Element[]): void;
  replaceChildren(...children: Element[]): void;
  addEventListener(type: string, listener: (event: { preventDefault(): void }) => void): void;
  getBoundingClientRect(): { readonly height: number };
  scrollIntoView(options: { behavior: "smooth" }): void;
}

/** A button or a choice. */
export interface Control extends Element {
  disabled: boolean;
  value: string;
}

/** A bar that fills. */
export interface ProgressBar extends Element {
  value: number;
}

/** Content that can be folded. */
export interface Details extends Element {
  open: boolean;
}

/** A link that saves a file. */
export interface Link extends Element {
  href: string;
  download: string;
}

/** A page within the page. */
export interface Frame extends Element {
  srcdoc: string;
  readonly contentDocument: { readonly body: Element };
  readonly contentWindow: {
    readonly ResizeObserver: new (resized: () => void) => { observe(element: Element): void };
  };
}

interface Browser {
  readonly document: {
    getElementById(id: string): Element | null;
    createElement(name: string): Element;
  };
  readonly history: { replaceState(state: null, title: string, address: string): void };
  readonly location: { readonly pathname: string; readonly search: string };
}

/** The browser that runs this; nothing of it is there elsewhere. */
export const browser = globalThis as unknown as Browser;

/** The element of an id, which index.html has. */
export function byId<E extends Element>(id: string): E {
  return browser.document.getElementById(id) as E;
}

/** A new element with text. */
export function create<E extends Element>(name: string, text = ""): E {
  const element = browser.document.createElement(name);
  element.textContent = text;
  return element as E;
}
