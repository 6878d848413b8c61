/**
 * The project's own lint rules. Plain JavaScript, so that editors can load them on any Node.
 * `test/ground/lint.test.ts` shows each of them failing, beside a twin that passes.
 */

const abbreviations = new Map([
  ["opts", "options"], ["opt", "option"], ["cfg", "config"], ["conf", "config"], ["msg", "message"], ["ctx", "context"],
  ["req", "request"], ["res", "response, result or answer"], ["resp", "response"], ["cb", "callback or what it does"],
  ["idx", "index"], ["tmp", "what it holds"], ["elem", "element"], ["btn", "button"], ["evt", "event"], ["srv", "server"],
]);

/** Reports every node that the selector matches. */
function ban(description, selector, message) {
  return {
    meta: { type: "problem", docs: { description }, schema: [], messages: { banned: message } },
    create: (context) => ({ [selector]: (node) => context.report({ node, messageId: "banned" }) }),
  };
}

const fileName = {
  meta: {
    type: "suggestion",
    docs: { description: "File names are kebab-case full words" },
    schema: [],
    messages: {
      notKebab: "Name the file in kebab-case, after its main export: {{name}}.",
      empty: "'{{name}}' says nothing: name the file after the concept that it holds.",
    },
  },
  create(context) {
    return {
      Program(node) {
        const name = context.filename.split(/[\\/]/).at(-1);
        const words = name.replace(/^\./, "").replace(/(\.[a-z]+)*\.(c|m)?[jt]sx?$/, "");
        // What follows a dot is a kind of file (blob-store.conformance.ts). Migrations carry their number first: 0001-registry.ts.
        if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(words)) context.report({ node, messageId: "notKebab", data: { name } });
        if (/(^|-)(utils?|helpers?|managers?|base|common|misc)($|-)/.test(words)) context.report({ node, messageId: "empty", data: { name } });
      },
    };
  },
};

const fullWords = {
  meta: {
    type: "suggestion",
    docs: { description: "Names are full words" },
    schema: [],
    messages: { abbreviated: "Write the word out: {{word}} instead of {{name}}." },
  },
  create(context) {
    const check = (node, name) => {
      const word = abbreviations.get(name);
      if (word !== undefined) context.report({ node, messageId: "abbreviated", data: { name, word } });
    };
    return {
      // Only what is declared here: the property names of other people's objects are theirs.
      "Program:exit"(program) {
        const scopes = [context.sourceCode.getScope(program)];
        for (let scope = scopes.pop(); scope !== undefined; scope = scopes.pop()) {
          for (const variable of scope.variables) {
            for (const definition of variable.defs) check(definition.name, variable.name);
          }
          scopes.push(...scope.childScopes);
        }
      },
      ":matches(TSPropertySignature, PropertyDefinition, TSMethodSignature, MethodDefinition) > Identifier.key"(node) {
        check(node, node.name);
      },
    };
  },
};

export default {
  meta: { name: "slipway" },
  rules: {
    "file-name": fileName,
    "full-words": fullWords,
    "no-wall-clock": ban(
      "Time is a value that is passed in",
      ":matches(" +
        "CallExpression[callee.object.name='Date'][callee.property.name='now'], " +
        "NewExpression[callee.name='Date'][arguments.length=0], " +
        "CallExpression[callee.name='Date'])",
      "Take `now` as a value, or a Clock at a door: only src/core/clock.ts reads the time.",
    ),
    "no-hidden-randomness": ban(
      "Randomness is passed in",
      "MemberExpression[object.name='Math'][property.name='random']",
      "Take a generator of ids or random numbers as an argument, so that a test can decide.",
    ),
    "no-environment": ban(
      "The environment is read in one place",
      ":matches(" +
        "MemberExpression[object.name='process'][property.name='env'], " +
        "VariableDeclarator[init.name='process'] Property[key.name='env'], " +
        "ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env'])",
      "Only src/config reads the environment; take what you need from the configuration.",
    ),
    "no-markup-of-texts": ban("Texts stay texts", "JSXAttribute[name.name='dangerouslySetInnerHTML']", "React escapes text; this would not."),
    "no-style-attribute": ban(
      "Markup has no style attributes",
      "JSXAttribute[name.name='style'] > Literal",
      "The Content-Security-Policy refuses style attributes in markup.",
    ),
    "no-own-tab-order": ban(
      "The keyboard goes as the document goes",
      "JSXAttribute[name.name='tabIndex'] > JSXExpressionContainer > Literal[value>0]",
      "The order of the document is the order of the keyboard.",
    ),
  },
};
