/**
 * Makes sure that this machine has a WebGPU adapter: `deno task setup`.
 *
 * Returns at once where there is one. Where there is none, installs Mesa's software Vulkan driver on Debian and Ubuntu,
 * and elsewhere prints what to install. Exits 0 with an adapter, 1 without.
 */

/** What this machine runs, as far as installing a driver goes. */
export interface Machine {
  /** Deno.build.os. */
  readonly os: string;
  /** ID and ID_LIKE of /etc/os-release, lower case; none elsewhere. */
  readonly families: readonly string[];
}

/** Package that holds Mesa's software Vulkan driver, and the command that installs it, by family of distributions. */
const INSTALL: Readonly<Record<string, string>> = {
  debian: "apt-get -q install -y --no-install-recommends mesa-vulkan-drivers",
  ubuntu: "apt-get -q install -y --no-install-recommends mesa-vulkan-drivers",
  fedora: "dnf install -y mesa-vulkan-drivers",
  rhel: "dnf install -y mesa-vulkan-drivers",
  arch: "pacman -S --noconfirm vulkan-swrast",
  suse: "zypper install -y libvulkan_lvp",
  alpine: "apk add mesa-vulkan-swrast",
};

/** Whether setup may install on this machine by itself. */
export function canInstall({ os, families }: Machine): boolean {
  return os === "linux" && families.some((family) => family === "debian" || family === "ubuntu");
}

/** What someone has to do to get an adapter, one line or several. */
export function advice({ os, families }: Machine): string {
  if (os === "darwin") {
    return "Update macOS: WebGPU needs Metal, which macOS 10.15 and later have on supported Macs.";
  }
  if (os === "windows") return "Update Windows and the GPU's driver: WebGPU needs Direct3D 12.";
  const family = families.find((name) => name in INSTALL);
  if (family) return `Install Mesa's software Vulkan driver, as root:\n    ${INSTALL[family]}`;
  return "Install a Vulkan 1.3 driver: the GPU's own, or Mesa's software driver lavapipe (llvmpipe) for any CPU.";
}

/** Reads the ID and ID_LIKE lines of an os-release file. */
export function parseFamilies(osRelease: string): string[] {
  const ids = osRelease.matchAll(/^ID(?:_LIKE)?=["']?([^"'\n]*)/gm);
  return [...ids].flatMap(([, names]) => names.toLowerCase().split(/\s+/)).filter((name) => name !== "");
}

function thisMachine(): Machine {
  return { os: Deno.build.os, families: parseFamilies(readOsRelease()) };
}

function readOsRelease(): string {
  try {
    return Deno.readTextFileSync("/etc/os-release");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The adapter's name, or null. In a child process: Deno asks for drivers once and keeps the answer. */
function findAdapter(): string | null {
  const code = `const adapter = await navigator.gpu.requestAdapter();
    if (adapter) console.log(adapter.info.description || adapter.info.vendor || "unnamed");`;
  const env = { XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" };
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["eval", code], env, stderr: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout).trim() || null;
}

/** As root, or through sudo, which would drop the variable without env. */
function runAsRoot(command: string): void {
  const words = ["env", "DEBIAN_FRONTEND=noninteractive", ...command.split(" ")];
  run(Deno.uid() === 0 ? words : ["sudo", ...words]);
}

function run([program, ...args]: readonly string[]): void {
  const shown = [program, ...args].join(" ");
  console.error(`> ${shown}`);
  const { code } = spawn(program, args);
  if (code !== 0) throw new Error(`Cannot set up as "${shown}" failed: exit status is ${code}`);
}

function spawn(program: string, args: string[]): Deno.CommandOutput {
  const through = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
  try {
    return new Deno.Command(program, { args, ...through }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot set up as ${program} must be installed, or setup run as root`);
  }
}

/** Gives the adapter's name once there is one. */
function setup(machine: Machine): string {
  const found = findAdapter();
  if (found) return found;
  console.error("No WebGPU adapter on this machine.");
  if (!canInstall(machine)) throw new Error("Cannot install a driver here by itself");
  console.error("Installing Mesa's software Vulkan driver, which needs no GPU.");
  runAsRoot("apt-get -q update");
  runAsRoot(INSTALL.debian);
  const installed = findAdapter();
  if (!installed) throw new Error("Cannot find a WebGPU adapter though mesa-vulkan-drivers is installed");
  return installed;
}

if (import.meta.main) {
  const machine = thisMachine();
  try {
    console.error(`WebGPU adapter: ${setup(machine)}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error(advice(machine));
    Deno.exit(1);
  }
}
