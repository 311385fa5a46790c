import { registry } from "@web/core/registry";

/** From the month to what blocks it, and back to the month one was in. */
registry.category("web_tour.tours").add("cra_manager_follows_a_block", {
    steps: () => [
        {
            content: "One of one is refused, and the page is no wider than the screen.",
            trigger: ".o_cra_month .o_cra_stage[data-stage=refused]:contains('08:00 h')",
            run() {
                if (document.documentElement.scrollWidth > window.innerWidth) {
                    throw new Error("The page is wider than the screen.");
                }
            },
        },
        {
            content: "Amounts are not for this manager.",
            trigger: ".o_cra_month:not(:has(.o_cra_value))",
        },
        {
            trigger: ".o_cra_month .o_cra_block[data-block=refused]",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains('Acme')",
        },
        {
            trigger: ".breadcrumb-item a:contains('Month at a Glance')",
            run: "click",
        },
        {
            content: "Nothing is expected in the month after.",
            trigger: ".o_cra_month h2:contains('March 2026') ~ button",
            run: "click",
        },
        {
            trigger: ".o_cra_month h2:contains('April 2026')",
        },
    ],
});
