import type { JsonValue } from '../../../core/inference/index.ts';
import { anyValue, choice, literal, never, rule, type Expression, type Grammar } from '../grammar/index.ts';
import { arrayExpression } from './array-schema.ts';
import {
  conjunctsOf,
  flattenSchema,
  typesOf,
  type FlatPart,
  type FlatSchema,
  type JsonType,
  type SchemaGroup,
  type SchemaScope,
} from './flat-schema.ts';
import { numberExpression } from './number-schema.ts';
import { objectExpression } from './object-schema.ts';
import { areDisjoint } from './oneof-branches.ts';
import type { SchemaDocument, Subschema } from './schema-document.ts';
import { enumeratedValues } from './schema-match.ts';
import { stringExpression } from './string-schema.ts';

const deepestNesting = 64;
const mostExclusiveBranches = 100;

/** Turns sets of schemas that hold together into rules of one grammar. The same set always becomes the same rule, so recursion ends. */
export class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #grammar: Grammar;
  readonly #ruleOfSet = new Map<string, string>();
  /** Rules that are being built as a union and have written nothing yet: to meet one again would be left recursion. */
  #openUnions = new Set<string>();
  #depth = 0;

  constructor(document: SchemaDocument, grammar: Grammar) {
    this.#document = document;
    this.#grammar = grammar;
  }

  /** The expression of the JSON texts for which all of `conjuncts` hold. */
  compile(conjuncts: readonly Subschema[]): Expression {
    const flat = flattenSchema(this.#document, conjuncts);
    if (flat.isNever) return never;
    if (flat.parts.length === 0 && flat.groups.length === 0) return anyValue(this.#grammar);
    const key = conjunctsOf(flat)
      .map((node) => node.id)
      .toSorted((a, b) => a - b)
      .join(',');
    const known = this.#ruleOfSet.get(key);
    if (known !== undefined && this.#openUnions.has(known)) {
      throw this.#document.refusal(conjuncts[0]?.path ?? '', 'refers to itself without an end');
    }
    if (known !== undefined) return rule(known);
    const name = this.#grammar.reserve('v');
    this.#ruleOfSet.set(key, name);
    return this.#grammar.define(name, this.#deeper(flat, { name, path: conjuncts[0]?.path ?? '' }));
  }

  #deeper(flat: FlatSchema, at: { name: string; path: string }): Expression {
    this.#depth += 1;
    if (this.#depth > deepestNesting) throw this.#document.refusal(at.path, `is nested deeper than ${deepestNesting} levels`);
    const group = flat.groups[0];
    const outer = this.#openUnions;
    this.#openUnions = group === undefined ? new Set() : new Set([...outer, at.name]);
    const expression = group === undefined ? this.#typed(flat.parts) : this.#branches(flat, group);
    this.#openUnions = outer;
    this.#depth -= 1;
    return expression;
  }

  #branches(flat: FlatSchema, group: SchemaGroup): Expression {
    const rest = conjunctsOf(flat, group);
    if (group.keyword === 'oneOf') this.#refuseOverlap(group, rest);
    return choice(group.branches.map((branch) => this.compile([...rest, branch])));
  }

  #refuseOverlap(group: SchemaGroup, rest: readonly Subschema[]): void {
    if (group.branches.length > mostExclusiveBranches) {
      throw this.#document.refusal(group.path, `has more than ${mostExclusiveBranches} branches`);
    }
    for (const [index, branch] of group.branches.entries()) {
      for (const other of group.branches.slice(index + 1)) {
        if (areDisjoint(this.#document, [...rest, branch], [...rest, other])) continue;
        const hint = 'tell them apart by type, or by a required property with a different const in each, or use anyOf';
        throw this.#document.refusal(group.path, `has branches that may hold for the same value: ${hint}`);
      }
    }
  }

  #typed(parts: readonly FlatPart[]): Expression {
    const values = enumeratedValues(this.#document, parts);
    if (values !== undefined) return choice(values.map((value: JsonValue) => literal(value)));
    const types = typesOf(this.#document, parts);
    const scope: SchemaScope = {
      document: this.#document,
      grammar: this.#grammar,
      parts,
      compile: (nodes) => this.compile(nodes),
    };
    if (types.has('number')) types.delete('integer');
    return choice([...types].map((type) => typeExpression(scope, type)));
  }
}

function typeExpression(scope: SchemaScope, type: JsonType): Expression {
  switch (type) {
    case 'null':
      return literal(null);
    case 'boolean':
      return choice([literal(true), literal(false)]);
    case 'object':
      return objectExpression(scope);
    case 'array':
      return arrayExpression(scope);
    case 'string':
      return stringExpression(scope);
    case 'integer':
    case 'number':
      return numberExpression(scope, type);
  }
}
