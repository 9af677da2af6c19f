/** A WGSL expression of `x`, evaluated in float64. One number stands for all four components of a vec4f. */
export type Expression = (x: number) => number;

type Value = number | boolean;
type Node = (x: number) => Value;

const TOKEN =
  /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fh]?(?![\w.])|(vec4f|vec4<f32>|[A-Za-z_]\w*)|(\|\||&&|[<>=!]=|[-+*/%<>!()|&,]))/y;

/** Built-in functions that act on each component alone, and vec4f of one number. */
const FUNCTIONS: Readonly<Record<string, (...values: never[]) => Value>> = {
  ...Object.fromEntries(
    ([
      "abs",
      "sign",
      "exp",
      "log",
      "log2",
      "sqrt",
      "tanh",
      "sinh",
      "cosh",
      "asinh",
      "acosh",
      "atanh",
    ] as const)
      .map((name) => [name, Math[name]]),
  ),
  ...Object.fromEntries(
    (["sin", "cos", "tan", "asin", "acos", "atan", "floor", "ceil", "trunc", "min", "max", "pow"] as const)
      .map((name) => [name, Math[name]]),
  ),
  vec4f: (a: number) => a,
  "vec4<f32>": (a: number) => a,
  f32: (a: number) => a,
  exp2: (a: number) => 2 ** a,
  inverseSqrt: (a: number) => 1 / Math.sqrt(a),
  saturate: (a: number) => Math.min(Math.max(a, 0), 1),
  clamp: (a: number, low: number, high: number) => Math.min(Math.max(a, low), high),
  fma: (a: number, b: number, c: number) => a * b + c,
  mix: (a: number, b: number, c: number) => a * (1 - c) + b * c,
  step: (edge: number, a: number) => edge <= a ? 1 : 0,
  select: (a: Value, b: Value, condition: boolean) => condition ? b : a,
};

const OPERATORS: Readonly<Record<string, (a: number, b: number) => Value>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "|": (a, b) => Boolean(a) || Boolean(b),
  "||": (a, b) => Boolean(a) || Boolean(b),
  "&": (a, b) => Boolean(a) && Boolean(b),
  "&&": (a, b) => Boolean(a) && Boolean(b),
};

/** Operators by how tightly they bind, the loosest first. */
const LEVELS = [["||", "|"], ["&&", "&"], ["==", "!=", "<", "<=", ">", ">="], ["+", "-"], ["*", "/", "%"]];

/**
 * Parses an expression. Returns null if it has parts that are not known here, such as bits, swizzles, other functions.
 */
export function parseExpression(text: string, parameters: Parameters = {}): Expression | null {
  const tokens = tokensOf(text);
  if (!tokens) return null;
  const parser = new Parser(tokens, parameters);
  const node = parser.whole();
  return node && ((x) => Number(node(x)));
}

/** Values of names besides x. */
type Parameters = Readonly<Record<string, number>>;

interface Token {
  readonly text: string;
  readonly number: boolean;
}

function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (!match) return null;
    tokens.push({ text: match[1] ?? match[2] ?? match[3], number: match[1] !== undefined });
  }
  return tokens;
}

/** A recursive-descent parser. null means that something is not known. */
class Parser {
  #at = 0;
  readonly #tokens: readonly Token[];

  readonly #parameters: Parameters;

  constructor(tokens: readonly Token[], parameters: Parameters) {
    this.#tokens = tokens;
    this.#parameters = parameters;
  }

  whole(): Node | null {
    const node = this.#level(0);
    return this.#at === this.#tokens.length ? node : null;
  }

  #takes(text: string): boolean {
    if (this.#tokens[this.#at]?.text !== text) return false;
    this.#at++;
    return true;
  }

  #level(level: number): Node | null {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#level(level + 1);
    for (;;) {
      const operator = LEVELS[level].find((text) => this.#takes(text));
      if (!operator || !left) return left;
      const [first, second] = [left, this.#level(level + 1)];
      if (!second) return null;
      const apply = OPERATORS[operator];
      left = (x) => apply(first(x) as number, second(x) as number);
    }
  }

  #unary(): Node | null {
    const operator = ["-", "!"].find((text) => this.#takes(text));
    const node = operator ? this.#unary() : this.#primary();
    if (!operator || !node) return node;
    return operator === "-" ? (x) => -(node(x) as number) : (x) => !node(x);
  }

  #primary(): Node | null {
    const token = this.#tokens[this.#at++];
    if (!token) return null;
    if (token.number) return () => Number(token.text);
    if (token.text === "(") {
      const node = this.#level(0);
      return this.#takes(")") ? node : null;
    }
    if (token.text === "x") return (x) => x;
    if (Object.hasOwn(this.#parameters, token.text)) return () => this.#parameters[token.text];
    if (token.text === "true" || token.text === "false") return () => token.text === "true";
    return Object.hasOwn(FUNCTIONS, token.text) ? this.#call(FUNCTIONS[token.text]) : null;
  }

  #call(apply: (...values: never[]) => Value): Node | null {
    if (!this.#takes("(")) return null;
    const values: Node[] = [];
    do {
      const value = this.#level(0);
      if (!value) return null;
      values.push(value);
    } while (this.#takes(","));
    if (!this.#takes(")") || values.length !== apply.length) return null;
    return (x) => apply(...values.map((value) => value(x)) as never[]);
  }
}
