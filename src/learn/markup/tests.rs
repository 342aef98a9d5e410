//! Each syntax, and code that looks like it.

use super::*;

#[track_caller]
fn expect(markdown: &str, is_mdx: bool, expected: &str) {
    let text = without_generator_syntax(markdown, Some("The page"), is_mdx);
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(lines(&text), lines(expected), "{markdown}\n—\n{text}");
}

#[test]
fn code_is_unchanged() {
    for code in [
        "```js\n{{< tab \"x\" >}}\n:::note\nimport a from 'b';\n<Note>x</Note> [^1] ==a==\n```",
        "> ```\n> {% if x %}\n> ```",
        "- a\n\n  ~~~\n  <!-- x -->\n  !!! note\n  ~~~",
        "a `{{ x }}` b ``<Note> ` {x}`` c",
        "<pre>\n:::note\n{{ x }}\n</pre>",
    ] {
        expect(code, true, code);
        expect(code, false, code);
    }
    expect("```\nopen {{ x }}\n", false, "```\nopen {{ x }}\n```");
    expect(
        "\\{{ x }} \\<Note>\\</Note> \\`{{ .Title }}",
        false,
        "\\{{ x }} \\<Note>\\</Note> \\`The page",
    );
}

#[test]
fn components_of_mdx() {
    expect(
        "import Tabs from '@theme/Tabs';\nimport {\n  Card,\n} from \"@/components\";\n\n\
         export const price = 12;\nexport const meta = {\n  a: 1,\n\n};\n\n\
         <Note>Keys are shown once.</Note>\n\n<Card title=\"Webhooks\" href=\"/docs/webhooks\" />\n\n\
         <Tabs>\n  <TabItem value=\"npm\" label=\"With npm\">\n\n    Run `npm i`.\n\n    ```sh\n    npm i\n    ```\n\n  \
         </TabItem>\n</Tabs>\n\nThe price is {price} euro {/* a comment */}, or {other}.\n\n{items.map(x => <b>{x}</b>)}\n",
        true,
        "Keys are shown once.\n**[Webhooks](/docs/webhooks)**\n**With npm**\nRun `npm i`.\n```sh\nnpm i\n```\n\
         The price is 12 euro , or ….",
    );
    expect(
        "## Help\n\n<AccordionGroup>\n  <Accordion\n    title=\"Can I return it?\"\n    icon={x > 1}\n  >\n    Yes.\n  \
         </Accordion>\n</AccordionGroup>\n\n<Steps>\n  <Step title=\"Open\">\n    First.\n  </Step>\n  <Step title=\"Close\">\n    \
         Then.\n    - a\n      - b\n  </Step>\n</Steps>",
        true,
        "## Help\n### Can I return it?\nYes.\n**1. Open**\nFirst.\n**2. Close**\nThen.\n- a\n  - b",
    );
    expect(
        "<Tabs items={['npm', 'yarn']}>\n<Tab>\na\n</Tab>\n<Tab>\nb\n</Tab>\n</Tabs>\n\n<div className={x}>c</div> <></>",
        true,
        "**npm**\na\n**yarn**\nb\n<div>c</div>",
    );
    expect(
        "<Tabs values={[{label: 'An apple', value: 'a'}, {label: \"Pear\", value: 'p'}]}>\n\
         <TabItem value=\"a\">a</TabItem>\n<TabItem value=\"p\">b</TabItem>\n</Tabs>",
        true,
        "**An apple**\na\n**Pear**\nb",
    );
    expect(
        "Use <Name> here, not <Tip>this</Tip>.",
        false,
        "Use <Name> here, not this.",
    );
    expect(
        "| a | <Badge text=\"new\" /> |\n| <Note>b</Note> | c |",
        false,
        "| a | new |\n| b | c |",
    );
    expect(
        "1. a\n\n   <Warning title=\"Hot\">\n     b\n   </Warning>\n\n2. c",
        true,
        "1. a\n   **Hot**\n   b\n2. c",
    );
    expect(
        "See <Link to=\"/a\">the guide</Link>.",
        true,
        "See <a href=\"/a\">the guide</a>.",
    );
}

#[test]
fn shortcodes_of_hugo() {
    expect(
        "{{< tabs \"id\" >}}\n{{< tab \"Linux\" >}}\na\n{{< /tab >}}\n{{% tab name=\"Mac\" %}}b{{% /tab %}}\n{{< /tabs >}}\n\n\
         {{% notice warning \"Mind the date\" %}}\nc\n{{% /notice %}}\n{{< notice tip >}}d{{< /notice >}}\n",
        false,
        "**Linux**\na\n**Mac**\nb\n**Mind the date**\nc\nd",
    );
    expect(
        "# Help\n{{< faq question=\"Can I?\" answer=\"Yes.\" >}}\n{{% expand \"Why not?\" %}}\nBecause.\n{{% /expand %}}\n\
         {{< youtube abc >}}\n[a]({{< ref \"b.md#c\" >}}) {{< figure src=\"x.png\" caption=\"A ship\" >}}\n{{/* hidden */}}\n\
         {{< highlight go >}}\nx := `{{ y }}`\n{{< /highlight >}}",
        false,
        "# Help\n## Can I?\nYes.\n## Why not?\nBecause.\n[a](b.md#c) A ship\n```go\nx := `{{ y }}`\n```",
    );
}

#[test]
fn templates_of_jekyll_and_gitbook() {
    expect(
        "{% include toc.html %}\n{:.no_toc}\n\n* TOC\n{:toc}\n\nWrite to {{ site.email }} for it. {: .lead }\n\
         {% comment %}\nInternal\n{% endcomment %}\n{% raw %}{{ literal }}{% endraw %}\n{% if x %}a{% endif %}\n\
         [b]({{ site.baseurl }}/c) [d]({% link e.md %}){: .btn}\n{%- highlight sh -%}\nf {{ g }}\n{%- endhighlight -%}\n\
         {{ page.title }}\n{{ content }}",
        false,
        "Write to … for it.\n{{ literal }}\na\n[b](/c) [d](/e.md)\n```sh\nf {{ g }}\n```\nThe page",
    );
    expect(
        "{% hint style=\"info\" %}\na\n{% endhint %}\n{% tabs %}\n{% tab title=\"Monthly\" %}\nb\n{% endtab %}\n{% endtabs %}\n\
         {% content-ref url=\"p.md\" %}\n[p.md](p.md)\n{% endcontent-ref %}\n{% include faq.html question=\"Is it?\" answer=\"It is.\" %}",
        false,
        "a\n**Monthly**\nb\n[p.md](p.md)\n**Is it?**\nIt is.",
    );
}

#[test]
fn marks_of_docusaurus_vitepress_and_github() {
    expect(
        "> [!WARNING]\n> Opened.\n\n> [!faq]- Can it?\n> Yes.\n\n:::caution Mind the date\nLate.\n:::\n\n:::note[A *title*]\na\n:::\n\n\
         ::: details Why?\nb\n:::\n\n::::tip{title=\"C\"}\n:::info\nd\n:::\n::::\n[[toc]]\n## Head {#head}\n### Other {: .x}\n\
         {{ $frontmatter.title }} <<x\n<<< @/a.js",
        false,
        ">\n> Opened.\n> **Can it?**\n>\n> Yes.\n**Mind the date**\nLate.\n**A *title***\na\n## Why?\nb\n**C**\nd\n\
         ## Head\n### Other\nThe page <<x",
    );
}

#[test]
fn containers_and_marks_of_mkdocs() {
    expect(
        "!!! note \"Note well\"\n    Five days.\n\n    ```sh\n    a\n    ```\n\n=== \"Linux\"\n\n    b\n\n    !!! tip\n        c\n\n\
         === \"Windows\"\n\n    - d\n        - e\n\n??? question \"Collapsed?\"\n    f\n\ng{ .x } [h](i){ target=\"_blank\" .j }\n\
         --8<-- \"k.md\"\n++ctrl+c++ :material-check: l :smile: ==m== H~2~O 10^th^ ~~n~~ a ~b~ c",
        false,
        "**Note well**\nFive days.\n```sh\na\n```\n**Linux**\nb\nc\n**Windows**\n- d\n    - e\n## Collapsed?\nf\n\
         g{ .x } [h](i)\nctrl+c l :smile: m H2O 10th ~~n~~ a ~b~ c",
    );
}

#[test]
fn footnotes_definitions_and_links_of_wikis() {
    expect(
        "A[^1] and[^1] b[^two].\n\n[^1]: The *note*.\n[^two]: Two\n    lines.\n\nTerm\n: Text\n: More\n\n[[Page]] [[p|Label]] ![[e.png]] [[x](y)]\n\
         *[HTML]: Hyper\n\n|  a   |   b |\n|------|:---:|\n|  c   |   d |",
        false,
        "A (The *note*) and b (Two lines).\n**Term**: Text\nMore\nPage Label  [[x](y)]\n| a | b |\n|---|:---:|\n| c | d |",
    );
}

#[test]
fn directives_of_myst() {
    expect(
        "```{note} Mind\n:class: x\nOne `a`.\n```\n\n```{toctree}\na\nb\n```\n\n```{code-block} py\nx\n```\n\n```{r, echo=FALSE}\ny\n```\n\n:::{tip}\nz\n:::",
        false,
        "**Mind**\nOne `a`.\n```py\nx\n```\n```{r, echo=FALSE}\ny\n```\nz",
    );
}
