/**
 * Controls a headless Chromium by its own protocol, so that the tests need no package for that.
 *
 * @module
 */

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
];

/**
 * Chromium draws without a GPU, or has WebGPU (Dawn) on the software driver that it brings along (SwiftShader). That
 * compiles the zeros of each word of workgroup memory one by one, 2 s for a kernel with 16 KiB; kernels need no zeros.
 */
const GRAPHICS = {
  none: ["--disable-gpu"],
  webgpu: [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-dawn-features=disable_workgroup_init",
  ],
} as const;

/** Codes of keys, without which the browser does not move the focus. */
const KEY_CODES = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  End: 35,
  Home: 36,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

/** Where Chromium is, null where it is not installed. */
export function findChromium(): string | null {
  const exists = (path: string) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  };
  return PLACES.find(exists) ?? null;
}

/** What the browser says when it is asked, or by itself. */
interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** How a page is shown. */
export interface Screen {
  width: number;
  height: number;
  mobile?: boolean;
  dark?: boolean;
}

/** One page in a browser of its own. */
export class ChromiumPage {
  /** What the console and uncaught errors said. */
  readonly complaints: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #events = new Map<string, () => void>();
  #next = 1;

  private constructor(process: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    this.#closed = new Promise((resolve) => socket.onclose = () => resolve());
    this.#closed.then(() => {
      for (const answer of this.#waiting.values()) answer({ error: { message: "Chromium ended" } });
    });
  }

  /** Starts a browser with an empty page. */
  static async open(
    path: string,
    { graphics = "none" }: { graphics?: keyof typeof GRAPHICS } = {},
  ): Promise<ChromiumPage> {
    const profile = Deno.makeTempDirSync();
    const args = [...FLAGS, ...GRAPHICS[graphics], `--user-data-dir=${profile}`, "about:blank"];
    const process = new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    const port = await portOf(process.stderr);
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const target = targets.find(({ type }: { type: string }) => type === "page");
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const page = new ChromiumPage(process, profile, socket);
    for (const domain of ["Page", "Runtime", "Log"]) await page.#send(`${domain}.enable`);
    return page;
  }

  /** Loads an address and waits until it is loaded. */
  async goto(address: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#events.set("Page.loadEventFired", resolve));
    await this.#send("Page.navigate", { url: address });
    await loaded;
  }

  /** Sets the window's size and the reader's choice of light or dark. */
  async show({ width, height, mobile = false, dark = false }: Screen): Promise<void> {
    await this.#send("Emulation.setDeviceMetricsOverride", { width, height, mobile, deviceScaleFactor: 1 });
    const value = dark ? "dark" : "light";
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails));
    return (answer.result as { value: T }).value;
  }

  /** Ends the process that drives the GPU: every device is lost, and the browser starts another. */
  async crashGpu(): Promise<void> {
    await this.#send("Browser.crashGpuProcess");
  }

  /** Moves the pointer to a point of the window. */
  async point(x: number, y: number): Promise<void> {
    await this.#send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
  }

  /** Presses and releases a key, by its name in `KeyboardEvent.key`, such as `Tab`. */
  async press(key: keyof typeof KEY_CODES): Promise<void> {
    const event = { key, code: key, windowsVirtualKeyCode: KEY_CODES[key] };
    for (const type of ["rawKeyDown", "keyUp"]) {
      await this.#send("Input.dispatchKeyEvent", { type, ...event });
    }
  }

  /** A picture of the window as PNG. */
  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.#send("Page.captureScreenshot", { format: "png" });
    return Uint8Array.fromBase64(data as string);
  }

  /** Ends the browser and removes what it wrote. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Asked to, it waits for its helpers; killed, it would leave them to write into the profile for a while.
    this.#send("Browser.close").catch(() => {});
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await this.#process.status;
    clearTimeout(late);
    this.#socket.close();
    await this.#closed;
    Deno.removeSync(this.#profile, { recursive: true });
  }

  #send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Error(`${method}: Chromium ended`));
    }
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result!);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  #hear(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
      return;
    }
    const method = message.method!;
    this.#events.get(method)?.();
    if (["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].includes(method)) {
      this.complaints.push(JSON.stringify(message.params));
    }
  }
}

/** The port that the browser tells on its error output; the rest of it is read and dropped. */
async function portOf(output: ReadableStream<Uint8Array>): Promise<string> {
  const reader = output.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Chromium ended: ${text}`);
    text += value;
    const found = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(text);
    if (found === null) continue;
    (async () => {
      while (!(await reader.read()).done);
    })();
    return found[1];
  }
}
