import { registry } from "@web/core/registry";

const selectAll = [
    {
        trigger: ".o_list_view thead .o_list_record_selector input",
        run: "click",
    },
    {
        trigger: ".o_list_view .o_data_row_selected",
    },
];

// From what the customers agreed to, to invoices in the hands of the sending run.
registry.category("web_tour.tours").add("cra_accountant_tour", {
    steps: () => [
        {
            content: "Both customers agreed",
            trigger: ".o_list_view .o_data_row:contains('Apollo') .badge:contains('Agreed')",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Gemini') .badge:contains('Agreed')",
        },
        ...selectAll,
        {
            content: "Invoice what was agreed",
            trigger: ".o_control_panel button[name='action_create_invoices']",
            run: "click",
        },
        {
            content: "One draft invoice per customer",
            trigger: ".o_list_view .o_data_row:contains('Acme') .badge:contains('Draft')",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Zenith') .badge:contains('Draft')",
        },
        ...selectAll,
        {
            content: "Confirm them",
            trigger: ".o_cp_action_menus .dropdown-toggle:contains('Actions')",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu .o_menu_item:contains('Confirm')",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Acme') .badge:contains('Posted')",
        },
        {
            trigger: ".o_list_view .o_data_row:contains('Zenith') .badge:contains('Posted')",
        },
        ...selectAll,
        {
            content: "Send them in one run",
            trigger: ".o_control_panel button[name='action_send_and_print']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='line_ids'] .o_data_row:contains('Acme') .badge:contains('Ready')",
        },
        {
            trigger: "button[name='action_send']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='line_ids'] .o_data_row:contains('Zenith') .badge:contains('Queued')",
        },
    ],
});

// After the outbox did its work.
registry.category("web_tour.tours").add("cra_accountant_result_tour", {
    steps: () => [
        {
            trigger: ".o_field_widget[name='line_ids'] .o_data_row:contains('Acme') .badge:contains('Sent')",
        },
        {
            trigger: ".o_field_widget[name='line_ids'] .o_data_row:contains('Zenith') .badge:contains('Sent')",
        },
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Done')",
        },
    ],
});
