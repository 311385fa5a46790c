import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

// All start on the page that the link of the customer's mail opens, without an account.

/** Sign in the dialog that is open. */
const sign = (name) => [
    {
        trigger: ".modal.show .o_web_sign_name_and_signature input",
        run: "clear",
    },
    {
        content: "Nothing can be sent without a name.",
        trigger: ".modal.show .o_portal_sign_submit:disabled",
    },
    {
        trigger: ".modal.show .o_web_sign_name_and_signature input",
        run: `fill ${name}`,
    },
    {
        trigger: ".modal.show canvas.o_web_sign_signature",
        run: "canvasNotEmpty",
    },
];

tours.add("cra_customer_agrees", {
    steps: () => [
        {
            content: "The total, the decision and what was done are in sight.",
            trigger: ".o_cra_page .card:contains('8.00 hours')",
        },
        {
            trigger: "button[name=cra_approve_open]",
            run({ anchor }) {
                const { bottom, right } = anchor.getBoundingClientRect();
                if (bottom > window.innerHeight || right > window.innerWidth) {
                    throw new Error("One has to scroll to agree.");
                }
                if (document.documentElement.scrollWidth > window.innerWidth) {
                    throw new Error("The page is wider than the screen.");
                }
            },
        },
        {
            trigger: ".o_cra_page .o_cra_lines:contains('Built the launch pad')",
        },
        {
            trigger: "button[name=cra_approve_open]",
            run: "click",
        },
        ...sign("Chloe C. Client"),
        {
            trigger: ".modal.show input#cra_reference",
            run: "edit PO-4711",
        },
        {
            trigger: ".modal.show .o_portal_sign_submit:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The receipt stands where the buttons were.",
            trigger: ".o_cra_page .cra_receipt:contains('Agreed by Chloe C. Client')",
        },
        {
            trigger: ".o_cra_page .cra_receipt:contains('PO-4711')",
        },
        {
            trigger: ".o_cra_page:not(:has(button[name=cra_approve_open]))",
        },
    ],
});

tours.add("cra_customer_refuses", {
    steps: () => [
        {
            content: "Remarks are asked for by those who refuse only.",
            trigger: ".o_cra_lines:not(:has(input.o_cra_remark:visible))",
        },
        {
            trigger: "#cra_answer summary",
            run: "click",
        },
        {
            trigger: "#cra_answer details[open] textarea[name=comment]",
            run: "edit Two hours too many",
        },
        {
            trigger: ".o_cra_lines tr:contains('Built the launch pad') input.o_cra_remark",
            run: "edit Half of it was ours",
        },
        {
            trigger: "#cra_answer button[name=cra_refuse_submit]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_cra_page .cra_receipt:contains('Two hours too many')",
        },
        {
            trigger: ".o_cra_lines:contains('Half of it was ours')",
        },
        {
            trigger: ".o_cra_page:not(:has(#cra_answer))",
        },
    ],
});

tours.add("cra_customer_proposes", {
    steps: () => [
        {
            trigger: ".o_cra_proposal summary",
            run: "click",
        },
        {
            trigger: ".o_cra_proposal[open] input[name=name]",
            run: "edit Carl Cook",
        },
        {
            trigger: ".o_cra_proposal[open] input[name=email]",
            run: "edit carl.cook@acme.example.com",
        },
        {
            trigger: ".o_cra_proposal[open] button[name=cra_propose_submit]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".cra_proposed:contains('Carl Cook')",
        },
        {
            content: "Until then one can still answer.",
            trigger: "button[name=cra_approve_open]",
        },
    ],
});

tours.add("cra_customer_asks_for_code", {
    steps: () => [
        {
            content: "Without a code there is nothing to decide with.",
            trigger: ".o_cra_page:not(:has(#cra_answer))",
        },
        {
            trigger: "button[name=cra_code_send]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "button[name=cra_approve_open]",
        },
    ],
});

// The code comes from the mail: the test puts it behind the address.
tours.add("cra_customer_gives_code", {
    steps: () => [
        {
            trigger: "button[name=cra_approve_open]",
            run: "click",
        },
        ...sign("Chloe Client"),
        {
            trigger: ".modal.show input#cra_agree_code",
            run: "edit 000 000",
        },
        {
            trigger: ".modal.show .o_portal_sign_submit:enabled",
            run: "click",
        },
        {
            trigger: ".modal.show .alert-danger[role=alert]:contains('This is not the code')",
        },
        {
            trigger: ".modal.show input#cra_agree_code",
            run: (helpers) => helpers.edit(window.location.hash.slice(1)),
        },
        {
            trigger: ".modal.show .o_portal_sign_submit:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_cra_page .cra_receipt:contains('Agreed by Chloe Client')",
        },
    ],
});

tours.add("cra_customer_agrees_to_many", {
    steps: () => [
        {
            trigger: ".o_cra_bulk button[name=cra_approve_open]:disabled",
        },
        {
            trigger: "input[name=cra_select_all]",
            run: "click",
        },
        {
            trigger: ".o_cra_bulk button:enabled:contains('(12)')",
        },
        {
            content: "One can leave one out, and take it in again.",
            trigger: "input[name=cra_report]:first",
            run: "click",
        },
        {
            trigger: ".o_cra_bulk button:contains('(11)')",
        },
        {
            trigger: "input[name=cra_report]:first",
            run: "click",
        },
        {
            trigger: ".o_cra_bulk button[name=cra_approve_open]:contains('(12)')",
            run: "click",
        },
        {
            content: "What is signed is told one by one.",
            trigger: ".modal.show .o_cra_selected li:eq(11):contains('8.00 hours')",
        },
        ...sign("Chloe C. Client"),
        {
            trigger: ".modal.show .o_portal_sign_submit:enabled",
            run: "click",
        },
        {
            trigger: ".modal.show .cra_receipt:contains('Agreed: 12')",
        },
        {
            trigger: ".modal.show a:contains('Back to the list')",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_cra_list tbody tr .o_cra_good:contains('Agreed')",
        },
        {
            trigger: "main:not(:has(.o_cra_bulk))",
        },
    ],
});
