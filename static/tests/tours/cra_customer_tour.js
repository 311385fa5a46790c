import { registry } from "@web/core/registry";

// Both start on the page that the link of the customer's mail opens, without an account.

registry.category("web_tour.tours").add("cra_customer_agrees", {
    steps: () => [
        {
            content: "The total and what was done are in sight.",
            trigger: ".o_cra_page .card:contains('8.00 hours')",
        },
        {
            trigger: ".o_cra_page .o_cra_lines:contains('Built the launch pad')",
        },
        {
            trigger: "button[name=cra_approve_open]",
            run: "click",
        },
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
            run: "fill Chloe C. Client",
        },
        {
            trigger: ".modal.show canvas.o_web_sign_signature",
            run: "canvasNotEmpty",
        },
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

registry.category("web_tour.tours").add("cra_customer_refuses", {
    steps: () => [
        {
            trigger: "#cra_answer summary",
            run: "click",
        },
        {
            trigger: "#cra_answer details[open] textarea[name=comment]",
            run: "edit Two hours too many",
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
            trigger: ".o_cra_page:not(:has(#cra_answer))",
        },
    ],
});
