import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { advice, canInstall, parseFamilies } from "../../.ci/setup.ts";

const SETUP = new URL("../../.ci/setup.ts", import.meta.url).pathname;

/** No driver is found, and of the other backends none is tried. */
const NO_ADAPTER = { VK_DRIVER_FILES: "/nonexistent", DENO_WEBGPU_BACKEND: "vulkan" };

/** Runs setup with programs of our own before the machine's. */
async function runSetup(programs: Record<string, string>, env: Record<string, string>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(programs)) {
      await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const path = `${folder}:${Deno.env.get("PATH")}`;
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", SETUP],
      env: { NO_COLOR: "1", ...env, PATH: path },
    });
    const { code, stdout, stderr } = await command.output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const onDebian = Deno.build.os === "linux" &&
  canInstall({ os: "linux", families: parseFamilies(await Deno.readTextFile("/etc/os-release")) });

Deno.test("parseFamilies reads ID and ID_LIKE, quoted or not", () => {
  assertEquals(parseFamilies('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n'), ["debian"]);
  assertEquals(parseFamilies('ID="linuxmint"\nID_LIKE="ubuntu debian"\n'), ["linuxmint", "ubuntu", "debian"]);
  assertEquals(parseFamilies(""), []);
});

Deno.test("setup installs on Debian, Ubuntu and what is like them, and nowhere else", () => {
  for (const families of [["debian"], ["ubuntu", "debian"], ["linuxmint", "ubuntu"]]) {
    assertEquals(canInstall({ os: "linux", families }), true, `${families}`);
  }
  for (const families of [[], ["fedora"], ["arch"]]) {
    assertEquals(canInstall({ os: "linux", families }), false);
  }
  assertEquals(canInstall({ os: "darwin", families: [] }), false);
});

Deno.test("advice names the package of each family, and what to do where there is none", () => {
  assertStringIncludes(advice({ os: "linux", families: ["debian"] }), "apt-get");
  assertStringIncludes(
    advice({ os: "linux", families: ["rocky", "rhel", "fedora"] }),
    "dnf install -y mesa-vulkan",
  );
  assertStringIncludes(advice({ os: "linux", families: ["arch"] }), "pacman -S --noconfirm vulkan-swrast");
  assertStringIncludes(advice({ os: "linux", families: ["unheard-of"] }), "Vulkan 1.3");
  assertStringIncludes(advice({ os: "darwin", families: [] }), "Metal");
  assertStringIncludes(advice({ os: "windows", families: [] }), "Direct3D 12");
});

Deno.test("setup returns at once where there is an adapter", async () => {
  const { code, stderr } = await runSetup({ "apt-get": "echo called; exit 1" }, {});
  assertEquals(code, 0);
  assertMatch(stderr, /^WebGPU adapter: \S.*\n$/);
});

Deno.test({
  name: "setup updates the package lists, then installs the driver, and fails where that gives no adapter",
  ignore: !onDebian,
  fn: async () => {
    const programs = { "apt-get": 'echo "apt-get $DEBIAN_FRONTEND $*"', "sudo": '"$@"' };
    const { code, stdout, stderr } = await runSetup(programs, NO_ADAPTER);
    assertEquals(code, 1);
    assertEquals(stdout.trim().split("\n"), [
      "apt-get noninteractive -q update",
      "apt-get noninteractive -q install -y --no-install-recommends mesa-vulkan-drivers",
    ]);
    assertStringIncludes(stderr, "No WebGPU adapter on this machine");
    assertStringIncludes(stderr, "Cannot find a WebGPU adapter though mesa-vulkan-drivers is installed");
  },
});

Deno.test({
  name: "setup stops at the first command that fails, and says which and what to install",
  ignore: !onDebian,
  fn: async () => {
    const { code, stderr } = await runSetup({ "apt-get": "exit 7", "sudo": '"$@"' }, NO_ADAPTER);
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'apt-get -q update" failed: exit status is 7');
    assertStringIncludes(stderr, "Install Mesa's software Vulkan driver, as root:");
  },
});
