import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const template = "Hours of the Month";

// The administrator makes a template and looks at it before saving it.
registry.category("web_tour.tours").add("annex_template_tour", {
    url: "/odoo",
    steps: () => [
        ...stepUtils.goToAppSteps("account.menu_finance", "Open the accounting app"),
        {
            content: "Open the configuration",
            trigger: "[data-menu-xmlid='account.menu_finance_configuration']",
            run: "click",
        },
        {
            content: "Open the annexes",
            trigger:
                ".dropdown-item[data-menu-xmlid='sale_timesheet_cra.invoice_annex_menu_template']",
            run: "click",
        },
        {
            content: "Some are there to begin with",
            trigger: ".o_list_view .o_data_row:contains('Costs with Receipts')",
        },
        {
            content: "Make one",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: `edit ${template}`,
        },
        {
            content: "Add a section",
            trigger: ".o_field_widget[name=section_ids] .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=title] input",
            run: "edit Hours worked",
        },
        {
            trigger: ".modal .o_field_widget[name=grouping] input",
            run: "click",
        },
        {
            trigger: ".o_select_menu_item:contains('Task')",
            run: "click",
        },
        {
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name=section_ids] .o_data_row:contains('Hours worked')",
        },
        {
            content: "Write an introduction with a variable of the list beside it",
            trigger: ".o_notebook .nav-link[name='texts']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=variables] code:contains('project.name')",
        },
        {
            trigger: ".o_field_widget[name=intro] textarea",
            run: "edit Our work on {{ project.name }}",
        },
        {
            content: "Look at it on an invoice",
            trigger: ".o_notebook .nav-link[name='preview']",
            run: "click",
        },
        {
            trigger: ".o_annex_preview_button:disabled",
        },
        {
            trigger: ".o_field_widget[name=preview_move_id] input",
            run: "edit Annex Tour",
        },
        {
            trigger: ".o-autocomplete--dropdown-item > a:contains('INV/')",
            run: "click",
        },
        {
            trigger: ".o_annex_preview_button:enabled",
            run: "click",
        },
        {
            content: "The document says what was just written",
            trigger:
                ":iframe .textLayer span:contains('Our work on Annex Tour Project')",
        },
        ...stepUtils.saveForm(),
    ],
});

// The administrator gives it to a project.
registry.category("web_tour.tours").add("annex_project_tour", {
    steps: () => [
        {
            trigger: ".o_notebook .nav-link[name='settings']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=annex_template_ids] input",
            run: "edit Hours of the",
        },
        {
            trigger: `.o-autocomplete--dropdown-item > a:contains('${template}')`,
            run: "click",
        },
        {
            trigger: `.o_field_widget[name=annex_template_ids] .o_tag:contains('${template}')`,
        },
        ...stepUtils.saveForm(),
    ],
});

// The accountant sees which annex goes along and why, and sends the invoice.
registry.category("web_tour.tours").add("annex_accountant_tour", {
    steps: () => [
        {
            trigger: ".o_notebook .nav-link[name='annexes']",
            run: "click",
        },
        {
            content: "Templates were assigned after posting: look again",
            trigger: "button[name='action_update_annexes']",
            run: "click",
        },
        {
            trigger: `.o_field_widget[name=annex_ids] .o_data_row:contains('${template}'):contains('from project Annex Tour Project')`,
        },
        {
            content: "Look at it before anything is saved or sent",
            trigger: ".o_annex_preview_button",
            run: "click",
        },
        {
            trigger: ":iframe .textLayer span:contains('Work to be seen')",
        },
        {
            trigger: ".o_statusbar_buttons button[name='action_invoice_sent']",
            run: "click",
        },
        {
            trigger: `.modal:contains('${template}') button[name='action_send_and_print']`,
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_notebook .nav-link[name='annexes']",
            run: "click",
        },
        {
            trigger: `.o_field_widget[name=annex_ids] .o_data_row:contains('${template}') .badge:contains('Sent')`,
        },
    ],
});

// The customer finds it beside the invoice.
registry.category("web_tour.tours").add("annex_customer_tour", {
    steps: () => [
        {
            trigger: `.o_invoice_annexes a:contains('${template}')`,
            run: async ({ anchor }) => {
                const response = await fetch(anchor.href);
                const head = await response.text();
                if (!response.ok || !head.startsWith("%PDF")) {
                    throw new Error(`no document: ${response.status}`);
                }
            },
        },
    ],
});
