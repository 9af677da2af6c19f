/** Runs in a page of a browser: lets its compiler check kernels. */

/** What the compiler says to each text; nothing is made of them. */
export async function diagnose(texts: readonly string[]): Promise<string[]> {
  const adapter = await navigator.gpu.requestAdapter();
  const requiredFeatures = (["shader-f16"] as const).filter((name) => adapter!.features.has(name));
  const device = await adapter!.requestDevice({ requiredFeatures });
  const modules = texts.map((code) => device.createShaderModule({ code }));
  const found = await Promise.all(modules.map((module) => module.getCompilationInfo()));
  device.destroy();
  return found.map(({ messages }) =>
    messages.map(({ type, lineNum, message }) => `${type}, line ${lineNum}: ${message}`).join("; ")
  );
}
